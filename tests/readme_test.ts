import assert from "node:assert/strict";
import { EXIT_STATUS } from "../src/errors.ts";

const readme = await Deno.readTextFile(new URL("../README.md", import.meta.url));

Deno.test("the README explains every error code, with its exit status", () => {
  const listed = [...readme.matchAll(/^\| *(\d+) *\| *`(\w+)` *\| *\S/gm)].map(([, exit, code]) =>
    [code, Number(exit)] as const
  );
  assert.deepEqual(Object.fromEntries(listed), EXIT_STATUS);
});
