import assert from "node:assert/strict";
import { openStore } from "@obsrvr/bronze-store";
import { bronze } from "./helpers/cli.ts";
import { parquetOf } from "./helpers/parquet.ts";
import { PRODUCER, REF } from "./helpers/partition.ts";

const base = Deno.makeTempDirSync({ prefix: "bronze-store-permissions-" });
addEventListener("unload", () => Deno.removeSync(base, { recursive: true }));

Deno.test({
  name: "the local backend needs read and write on its directory and nothing else",
  permissions: { read: [base], write: [base] },
  async fn() {
    const store = openStore({ backend: "local", base });
    const bytes = parquetOf();
    assert.equal((await store.publish(REF, bytes, { producer: PRODUCER })).status, "created");
    assert.equal((await store.publish(REF, bytes, { producer: PRODUCER })).status, "unchanged");
    assert.equal((await store.verify(REF)).state, "ok");
    const overwriter = openStore({ backend: "local", base, allowOverwrite: true });
    const other = parquetOf({ seed: 2 });
    assert.equal(
      (await overwriter.publish(REF, other, { producer: PRODUCER })).status,
      "overwritten",
    );
    const ref = { ...REF, ledgerEnd: 100 };
    await store.writeManifest(ref, await store.writeParquet(ref, bytes, { producer: PRODUCER }));
  },
});

for (const missing of ["read", "write"] as const) {
  Deno.test({
    name: `the local backend names the flag when --allow-${missing} is missing`,
    permissions: { read: [base], write: [base], [missing]: false },
    async fn() {
      const store = openStore({ backend: "local", base });
      const ref = { ...REF, ledgerEnd: 200 };
      await assert.rejects(store.publish(ref, parquetOf(), { producer: PRODUCER }), {
        code: "not_capable",
        message: new RegExp(`--allow-${missing}`),
      });
    },
  });
}

Deno.test("the command line needs its directory, the input file and the variables it reads", async () => {
  const file = `${base}/input.parquet`;
  const output = `${base}/out`;
  await Deno.writeFile(file, parquetOf());
  const permissions = [
    `--allow-read=${file},${output}`,
    `--allow-write=${output}`,
    "--allow-env=STORAGE_BACKEND,STORAGE_PREFIX,ALLOW_OVERWRITE,LOCAL_DIR,STORAGE_LOCAL_DIR,NETWORK,ERA_ID,VERSION_LABEL",
  ];
  const args = ["--table", "ledgers_lcm_raw", "--start", "0", "--end", "9999"];
  const env = { LOCAL_DIR: output };
  for (const command of [["put", file], ["exists"], ["show"], ["verify"]]) {
    const { code, stderr } = await bronze([...command, ...args], { permissions, env });
    assert.equal(code, 0, stderr);
  }
});
