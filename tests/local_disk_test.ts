// What the disk itself can do to a publish. Needs Linux: a file system of its own, and system calls watched.
import assert from "node:assert/strict";
import { openStore } from "@obsrvr/bronze-store";
import type { BlobDriver } from "../src/drivers/driver.ts";
import fs from "../src/drivers/fs.ts";
import { bronze, cliCommand } from "./helpers/cli.ts";
import { filesBelow } from "./helpers/local_harness.ts";
import { largeParquet, parquetOf } from "./helpers/parquet.ts";
import { DIRECTORY, MANIFEST, PARQUET, PRODUCER, REF } from "./helpers/partition.ts";

const options = { producer: PRODUCER };

async function temporary(): Promise<{ base: string } & AsyncDisposable> {
  const base = await Deno.makeTempDir({ prefix: "bronze-store-disk-" });
  return { base, [Symbol.asyncDispose]: () => Deno.remove(base, { recursive: true }) };
}

/** Runs a script of sh in a mount namespace of its own, where `$D` is a tmpfs of 8 MB. */
async function onSmallDisk(script: string): Promise<{ code: number; output: string }> {
  await using directory = await temporary();
  const root = Deno.uid() === 0 ? [] : ["--user", "--map-root-user"];
  const { code, stdout, stderr } = await new Deno.Command("unshare", {
    args: [...root, "--mount", "sh", "-c", `mount -t tmpfs -o size=8m none "$D" && ${script}`],
    env: { D: directory.base, LOCAL_DIR: directory.base, NO_COLOR: "1" },
  }).output();
  const output = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  return { code, output };
}

const quoted = (args: string[]) => cliCommand(args).map((word) => `'${word}'`).join(" ");

Deno.test("publish() to a full disk says so and leaves nothing", async () => {
  const { code, output } = await onSmallDisk(
    `(${quoted(["dry-run", "--size", "64MB"])}; echo "exit $?"; find "$D" -type f)`,
  );
  assert.equal(code, 0, output);
  assert.match(output, /the disk or the quota is full/);
  assert.match(output, /exit 1\n/);
  assert.doesNotMatch(output, /parquet\n|partial\n/, "it left a file");
});

Deno.test("publish() to a read-only file system says so", async () => {
  const { output } = await onSmallDisk(
    `mount -o remount,ro "$D" && (${quoted(["dry-run"])}; echo "exit $?")`,
  );
  assert.match(output, /Cannot stage a write in ".*": the operating system refuses it/);
  assert.match(output, /exit 1\n/);
});

Deno.test("publish() to another file system than the directory's is a configuration error", async () => {
  const { output } = await onSmallDisk(
    `mkdir -p "$D/pubnet" && mount -t tmpfs none "$D/pubnet" && (${
      quoted(["dry-run"])
    }; echo "exit $?"; find "$D" -type f)`,
  );
  assert.match(output, /another file system than the local directory/);
  assert.match(output, /exit 2\n/);
  assert.doesNotMatch(output, /parquet\n|partial\n/, "it left a file");
});

Deno.test("publish() whose directory vanishes fails and a later one succeeds", async () => {
  await using directory = await temporary();
  const base = `${directory.base}/gone`;
  const store = openStore({ backend: "local", base });
  const publishing = store.publish(REF, largeParquet(32_000_000), {
    ...options,
    onProgress: ({ loaded }) => {
      if (loaded > 8_000_000) Deno.removeSync(base, { recursive: true });
    },
  });
  await assert.rejects(publishing, { name: "BronzeError", code: "io" });
  assert.equal((await store.publish(REF, parquetOf(), options)).status, "created");
});

Deno.test("a local directory that is a file is a configuration error", async () => {
  await using directory = await temporary();
  const base = `${directory.base}/file`;
  await Deno.writeTextFile(base, "");
  await assert.rejects(openStore({ backend: "local", base }).publish(REF, parquetOf(), options), {
    code: "invalid_config",
  });
});

Deno.test("published files are read-only and directories are open to other users", async () => {
  await using directory = await temporary();
  const { base } = directory;
  await openStore({ backend: "local", base }).publish(REF, parquetOf(), options);
  const modeOf = async (path: string) => (await Deno.stat(`${base}/${path}`)).mode! & 0o777;
  assert.equal(await modeOf(PARQUET), 0o444);
  assert.equal(await modeOf(MANIFEST), 0o444);
  assert.equal(await modeOf(DIRECTORY), 0o777 & ~Deno.umask());
});

for (const litter of ["part-0-9999.parquet.tmp", "_manifest.json.tmp", ".DS_Store"]) {
  Deno.test(`publish() completes a directory that holds only ${litter}`, async () => {
    await using directory = await temporary();
    const { base } = directory;
    await Deno.mkdir(`${base}/${DIRECTORY}`, { recursive: true });
    await Deno.writeTextFile(`${base}/${DIRECTORY}/${litter}`, "half");
    const store = openStore({ backend: "local", base });
    assert.equal((await store.publish(REF, parquetOf(), options)).status, "created");
    assert.equal((await store.verify(REF)).state, "ok");
    assert.deepEqual(await filesBelow(base), [`${DIRECTORY}/${litter}`, MANIFEST, PARQUET].sort());
  });
}

Deno.test("publish() fills an empty directory", async () => {
  await using directory = await temporary();
  const { base } = directory;
  await Deno.mkdir(`${base}/${DIRECTORY}`, { recursive: true });
  const store = openStore({ backend: "local", base });
  assert.equal((await store.publish(REF, parquetOf(), options)).status, "created");
});

Deno.test("publish() unchanged keeps the inodes", async () => {
  await using directory = await temporary();
  const { base } = directory;
  const store = openStore({ backend: "local", base });
  await store.publish(REF, parquetOf(), options);
  const inodes = async () => [
    (await Deno.stat(`${base}/${PARQUET}`)).ino,
    (await Deno.stat(`${base}/${MANIFEST}`)).ino,
  ];
  const before = await inodes();
  assert.equal((await store.publish(REF, parquetOf(), options)).status, "unchanged");
  assert.deepEqual(await inodes(), before);
});

Deno.test("setItemRaw() holds a manifest back when its Parquet file was replaced", async () => {
  await using directory = await temporary();
  const driver: BlobDriver = fs({ base: directory.base });
  await driver.setItemRaw("a:data", new Uint8Array([1]));
  const { etag } = (await driver.getMeta("a:data"))!;
  await driver.setItemRaw("a:data", new Uint8Array([2]), { overwrite: true });
  const given = { key: "a:data", etag: etag! };
  await assert.rejects(driver.setItemRaw("a:manifest", new Uint8Array([3]), { given }), {
    code: "conflict",
  });
  assert.equal(await driver.getItemRaw("a:manifest"), null);
});

Deno.test("setItemRaw() keeps out of the staging directory", async () => {
  await using directory = await temporary();
  const driver = fs({ base: directory.base });
  for (const key of [".staging", ".staging:a", ".staging/a/b"]) {
    await assert.rejects(driver.setItemRaw(key, new Uint8Array([1])), { code: "invalid_argument" });
  }
  assert.deepEqual(await filesBelow(directory.base), []);
});

Deno.test("verify() finds each of 300 flipped bits", async () => {
  await using directory = await temporary();
  const { base } = directory;
  const store = openStore({ backend: "local", base, durable: false });
  await store.publish(REF, parquetOf(), options);
  for (const file of [PARQUET, MANIFEST]) {
    const path = `${base}/${file}`;
    const bytes = await Deno.readFile(path);
    await Deno.chmod(path, 0o644);
    for (let flip = 0; flip < 150; flip++) {
      const bit = Math.floor(Math.random() * bytes.byteLength * 8);
      await Deno.writeFile(path, bytes.with(bit >> 3, bytes[bit >> 3]! ^ 1 << (bit & 7)));
      await assert.rejects(store.verify(REF), { code: "damaged" }, `${file}, bit ${bit}`);
    }
    await Deno.writeFile(path, bytes);
  }
  assert.equal((await store.verify(REF)).state, "ok");
});

/** The paths that a command forced to the disk and the renames it made, in their order. */
async function systemCalls(args: string[], base: string): Promise<string[]> {
  const trace = [
    "strace",
    "-f",
    "-y",
    "-e",
    "trace=fsync,fdatasync,rename,renameat,renameat2,link,linkat",
  ];
  const { code, stderr } = await bronze(args, { within: trace, env: { LOCAL_DIR: base } });
  assert.equal(code, 0, stderr);
  return stderr.split("\n").flatMap((line) => {
    const synced = /fsync\(\d+<([^>]*)>\)/.exec(line)?.[1];
    const renamed = /rename\w*\(.*"([^"]*)"\)/.exec(line)?.[1];
    return synced ? [`sync ${synced}`] : renamed ? [`rename ${renamed}`] : [];
  }).map((call) => call.replace(/\.staging\/[^/]*/, ".staging/*"));
}

Deno.test("publish() forces files and directories to the disk before and after the rename", async () => {
  await using directory = await temporary();
  const { base } = directory;
  const calls = await systemCalls(["dry-run"], base);
  const order = [
    `sync ${base}/.staging/*/part-0-9999.parquet.partial`,
    `sync ${base}/.staging/*/_manifest.json.partial`,
    `sync ${base}/.staging/*`,
    `rename ${base}/${DIRECTORY}`,
    `sync ${base}/${DIRECTORY}`,
    `sync ${base}/pubnet/pre_p23/v1/ledgers_lcm_raw`,
    `sync ${base}/pubnet`,
    `sync ${base}`,
  ];
  const seen = order.map((call) => calls.indexOf(call));
  assert.ok(!seen.includes(-1), `${JSON.stringify(seen)} of ${calls.join("\n")}`);
  assert.deepEqual(seen, seen.toSorted((a, b) => a - b), calls.join("\n"));

  const again = await systemCalls(["dry-run"], base);
  for (const path of [PARQUET, MANIFEST, DIRECTORY, "pubnet"]) {
    assert.ok(again.includes(`sync ${base}/${path}`), `unchanged did not sync ${path}`);
  }
});
