import assert from "node:assert/strict";
import { openStore, partitionKeys } from "@obsrvr/bronze-store";
import { filesBelow } from "./helpers/local_harness.ts";
import { parquetOf } from "./helpers/parquet.ts";
import { DIRECTORY, MANIFEST, PARQUET, PRODUCER, REF } from "./helpers/partition.ts";

Deno.test("PartitionRef path is {network}/{era_id}/{version_label}/{table}/range={start}-{end}", () => {
  assert.deepEqual(partitionKeys(REF), {
    directory: DIRECTORY,
    file: "part-0-9999.parquet",
    parquet: PARQUET,
    manifest: MANIFEST,
  });
});

Deno.test("partitionKeys() puts the prefix first", () => {
  assert.equal(partitionKeys(REF, "a/b").directory, `a/b/${DIRECTORY}`);
});

Deno.test("partitionKeys() takes the least and the greatest range", () => {
  const whole = { ...REF, ledgerStart: 0, ledgerEnd: 4294967295 };
  assert.equal(partitionKeys(whole).file, "part-0-4294967295.parquet");
  assert.equal(partitionKeys({ ...REF, ledgerEnd: 0 }).file, "part-0-0.parquet");
});

const BAD_NAMES = [
  "../x",
  "a/b",
  ".",
  "..",
  "",
  "\t",
  "a\n",
  "ü",
  "a:b",
  "-a",
  "_a",
  ".a",
  "a b",
  "a=b",
  "a?b",
  "a".repeat(65),
  undefined,
  7,
];
for (const member of ["network", "eraId", "versionLabel", "table"] as const) {
  for (const name of BAD_NAMES) {
    Deno.test(`partitionKeys() refuses ${member} ${JSON.stringify(name)}`, () => {
      const quoted = name === "a\n" ? "a\\n" : name === "\t" ? "\\t" : String(name);
      assert.throws(() => partitionKeys({ ...REF, [member]: name as string }), (error: Error) => {
        assert.equal((error as { code?: string }).code, "invalid_argument");
        assert.ok(error.message.includes(quoted), error.message);
        return true;
      });
    });
  }
}

const BAD_RANGES: [unknown, unknown][] = [
  [5, 4],
  [-1, 4],
  [0, -1],
  [0.5, 4],
  [0, 4.5],
  [0, 4294967296],
  [NaN, 4],
  [0, Infinity],
  ["0", 4],
  [undefined, 4],
];
for (const [start, end] of BAD_RANGES) {
  Deno.test(`partitionKeys() refuses the range ${start} to ${end}`, () => {
    const ref = { ...REF, ledgerStart: start as number, ledgerEnd: end as number };
    assert.throws(() => partitionKeys(ref), { code: "invalid_argument" });
  });
}

Deno.test("LocalStore writes to the correct path", async () => {
  const base = await Deno.makeTempDir();
  await openStore({ backend: "local", base }).publish(REF, parquetOf(), { producer: PRODUCER });
  assert.deepEqual(await filesBelow(base), [MANIFEST, PARQUET]);
  await Deno.remove(base, { recursive: true });
});

Deno.test("LocalStore detects existing partitions", async () => {
  const base = await Deno.makeTempDir();
  const store = openStore({ backend: "local", base });
  assert.equal(await store.exists(REF), false);
  await store.publish(REF, parquetOf(), { producer: PRODUCER });
  assert.equal(await store.exists(REF), true);
  assert.equal(await store.exists({ ...REF, ledgerEnd: 9998 }), false);
  await Deno.remove(base, { recursive: true });
});
