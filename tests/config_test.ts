import assert from "node:assert/strict";
import { configFromEnv, openStore } from "@obsrvr/bronze-store";
import { REF } from "./helpers/partition.ts";

const config = (env: Record<string, string>) => configFromEnv(new Map(Object.entries(env)));
const uri = (env: Record<string, string>) => openStore(config(env)).uri(REF);

Deno.test("configFromEnv() defaults to ./output without a prefix", () => {
  assert.equal(uri({}), "./output/pubnet/pre_p23/v1/ledgers_lcm_raw/range=0-9999/");
});

Deno.test("configFromEnv() puts nothing below LOCAL_DIR", () => {
  assert.match(uri({ LOCAL_DIR: "/data" }), /^\/data\/pubnet\//);
  assert.match(uri({ LOCAL_DIR: "/data/" }), /^\/data\/pubnet\//);
});

Deno.test("configFromEnv() puts bronze below STORAGE_LOCAL_DIR, as the Go copier does", () => {
  assert.match(uri({ STORAGE_LOCAL_DIR: "/data" }), /^\/data\/bronze\/pubnet\//);
});

Deno.test("configFromEnv() takes a prefix, slashes at its ends dropped", () => {
  assert.match(uri({ STORAGE_PREFIX: "/a/b/" }), /^\.\/output\/a\/b\/pubnet\//);
  assert.match(uri({ STORAGE_LOCAL_DIR: "/data", STORAGE_PREFIX: "/" }), /^\/data\/pubnet\//);
});

Deno.test("configFromEnv() counts empty as unset", () => {
  assert.match(
    uri({ STORAGE_BACKEND: "", LOCAL_DIR: "", STORAGE_PREFIX: "" }),
    /^\.\/output\/pubnet/,
  );
});

Deno.test("configFromEnv() refuses two spellings that disagree", () => {
  assert.throws(() => config({ LOCAL_DIR: "/a", STORAGE_LOCAL_DIR: "/b" }), {
    code: "invalid_config",
    message: /LOCAL_DIR=\/a and STORAGE_LOCAL_DIR=\/b/,
  });
  assert.equal(config({ LOCAL_DIR: "/a", STORAGE_LOCAL_DIR: "/a" }).backend, "local");
});

for (const [value, expected] of Object.entries({ true: true, 1: true, false: false, 0: false })) {
  Deno.test(`configFromEnv() reads ALLOW_OVERWRITE=${value}`, () => {
    assert.equal(config({ ALLOW_OVERWRITE: value }).allowOverwrite, expected);
  });
}

for (const value of ["yes", "TRUE", "2", " "]) {
  Deno.test(`configFromEnv() refuses ALLOW_OVERWRITE=${JSON.stringify(value)}`, () => {
    assert.throws(() => config({ ALLOW_OVERWRITE: value }), { code: "invalid_config" });
  });
}

Deno.test("configFromEnv() refuses an unknown backend", () => {
  assert.throws(() => config({ STORAGE_BACKEND: "ftp" }), {
    code: "invalid_config",
    message: /"ftp"/,
  });
});

Deno.test("configFromEnv() reads STORAGE_BACKEND first and then only that backend's names", () => {
  const names: string[] = [];
  configFromEnv({ get: (name) => void names.push(name) });
  assert.equal(names[0], "STORAGE_BACKEND");
  assert.deepEqual(names.filter((name) => /S3|GCS|AWS/.test(name)), []);
});

Deno.test({
  name: "configFromEnv() names the flag when the permission is missing",
  permissions: { env: false },
  fn() {
    assert.throws(() => configFromEnv(), {
      code: "not_capable",
      message: /--allow-env=STORAGE_BACKEND/,
    });
  },
});

for (const prefix of ["../x", "a//b", "a/./b", ".", "a b"]) {
  Deno.test(`openStore() refuses the prefix ${JSON.stringify(prefix)}`, () => {
    assert.throws(() => openStore({ backend: "local", base: "/data", prefix }), {
      code: "invalid_argument",
    });
  });
}

Deno.test("openStore() refuses an unknown backend and an empty directory", () => {
  assert.throws(() => openStore({ backend: "ftp" } as never), { code: "invalid_config" });
  assert.throws(() => openStore({ backend: "local", base: "" }), { code: "invalid_config" });
});
