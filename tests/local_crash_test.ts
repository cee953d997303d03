import assert from "node:assert/strict";
import { openStore } from "@obsrvr/bronze-store";
import { filesBelow } from "./helpers/local_harness.ts";
import { largeParquet, parquetOf } from "./helpers/parquet.ts";
import { checksumOf, PRODUCER, REF } from "./helpers/partition.ts";
import { Publisher } from "./helpers/publishers.ts";

const BYTE_SIZE = 256 * 1024 * 1024;
const KILLS = 50;
const LEAD_MS = 700;
const TWO_HOURS_AGO = () => new Date(Date.now() - 2 * 60 * 60 * 1000);

async function temporary(): Promise<{ base: string } & AsyncDisposable> {
  const base = await Deno.makeTempDir({ prefix: "bronze-store-crash-" });
  return { base, [Symbol.asyncDispose]: () => Deno.remove(base, { recursive: true }) };
}

/** Makes everything in staging look two hours old. */
async function age(base: string): Promise<void> {
  for await (const { name } of Deno.readDir(`${base}/.staging`)) {
    await Deno.utime(`${base}/.staging/${name}`, TWO_HOURS_AGO(), TWO_HOURS_AGO());
  }
}

async function stagings(base: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(`${base}/.staging`))).map(({ name }) => name);
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

Deno.test(`publish() killed ${KILLS} times at random moments leaves nothing partial and nothing stuck`, async () => {
  await using directory = await temporary();
  const { base } = directory;
  const store = openStore({ backend: "local", base, durable: false });
  const config = { backend: "local", base } as const;
  const began = performance.now();
  await openStore(config).publish(REF, largeParquet(BYTE_SIZE), { producer: PRODUCER });
  const bytes = parquetOf();
  const durationMs = performance.now() - began;

  const ends = { "before it was published": 0, "after": 0 };
  for (let kill = 0; kill < KILLS; kill++) {
    const ref = { ...REF, ledgerEnd: 10_000 + kill };
    const publisher = new Publisher();
    const at = Date.now() + LEAD_MS;
    const publishing = publisher.publish({
      ledgerEnd: ref.ledgerEnd,
      config,
      seed: 1,
      byteSize: BYTE_SIZE,
      at,
    });
    await sleep(at - Date.now() + Math.random() * durationMs * 1.3);
    publisher.process.kill("SIGKILL");
    await publishing;
    await publisher[Symbol.asyncDispose]();

    for (const file of await filesBelow(base)) {
      if (!file.endsWith(".parquet")) continue;
      const { size } = await Deno.stat(`${base}/${file}`);
      assert.equal(size, BYTE_SIZE, `${file} is partial`);
    }
    const state = (await store.inspect(ref)).state;
    assert.match(state, /^(absent|complete)$/);
    if (state === "complete") {
      ends["after"]++;
      assert.equal((await store.verify(ref)).state, "ok");
      await assert.rejects(store.publish(ref, bytes, { producer: PRODUCER }), {
        code: "partition_exists",
      });
    } else {
      ends["before it was published"]++;
      assert.equal((await store.publish(ref, bytes, { producer: PRODUCER })).status, "created");
    }
    await Deno.remove(`${base}/pubnet`, { recursive: true });
    if (kill % 10 === 9) {
      await age(base);
      await store.publish(REF, parquetOf(), { producer: PRODUCER });
      assert.deepEqual(await stagings(base), [], "the sweep left litter");
      await Deno.remove(`${base}/pubnet`, { recursive: true });
    }
  }
  console.log(`killed ${KILLS} times:`, ends);
  assert.ok(ends["before it was published"] > 0);
});

Deno.test("publish() that is stopped for hours loses nothing to a sweep", async () => {
  await using directory = await temporary();
  const { base } = directory;
  const config = { backend: "local", base } as const;
  await using publisher = new Publisher();
  const job = { config, ledgerEnd: 20_000, seed: 1, byteSize: BYTE_SIZE };
  const publishing = publisher.publish(job);
  for (;;) {
    // Its staging is locked by the time it holds a file.
    if ((await filesBelow(base).catch(() => [])).length > 0) break;
    await sleep(1);
  }
  publisher.process.kill("SIGSTOP");
  await age(base);
  await openStore(config).publish(REF, parquetOf(), { producer: PRODUCER });
  assert.equal((await stagings(base)).length, 1, "a live writer's staging was swept");
  publisher.process.kill("SIGCONT");
  const outcome = await publishing;
  assert.equal(outcome?.status, "created", outcome?.message);
  const { checksum } = await openStore(config).verify({ ...REF, ledgerEnd: 20_000 });
  assert.equal(checksum, outcome?.checksum);
});

Deno.test("publish() does not sweep litter that is younger than an hour", async () => {
  await using directory = await temporary();
  const { base } = directory;
  await Deno.mkdir(`${base}/.staging/dead`, { recursive: true });
  await Deno.writeTextFile(`${base}/.staging/dead/part.parquet.partial`, "half");
  const store = openStore({ backend: "local", base });
  await store.publish(REF, parquetOf(), { producer: PRODUCER });
  assert.deepEqual(await stagings(base), ["dead"]);
  await age(base);
  await store.publish({ ...REF, ledgerEnd: 5 }, parquetOf(), { producer: PRODUCER });
  assert.deepEqual(await stagings(base), []);
});

Deno.test("LocalStore cleans up its temporary file on failure", async () => {
  await using directory = await temporary();
  const { base } = directory;
  const controller = new AbortController();
  const publishing = openStore({ backend: "local", base }).publish(REF, largeParquet(64_000_000), {
    producer: PRODUCER,
    signal: controller.signal,
    onProgress: ({ loaded }) => loaded > 16_000_000 && controller.abort(),
  });
  await assert.rejects(publishing, { code: "aborted" });
  assert.deepEqual(await filesBelow(base), []);
  assert.deepEqual(await stagings(base), []);
});

Deno.test("allowOverwrite killed at random moments leaves no torn pair that passes for whole", async () => {
  await using directory = await temporary();
  const { base } = directory;
  const store = openStore({ backend: "local", base, durable: false });
  const config = { backend: "local", base, allowOverwrite: true } as const;
  const byteSize = 4 * 1024 * 1024;
  const states: Record<string, number> = {};
  for (let kill = 0; kill < 20; kill++) {
    await openStore({ ...config, durable: false }).publish(REF, largeParquet(byteSize), {
      producer: PRODUCER,
    });
    const publisher = new Publisher();
    const at = Date.now() + 400;
    const job = { config, ledgerEnd: REF.ledgerEnd, seed: 1, byteSize, at };
    const publishing = publisher.publish(job);
    await sleep(at - Date.now() + Math.random() * 40);
    publisher.process.kill("SIGKILL");
    await publishing;
    await publisher[Symbol.asyncDispose]();
    const { state } = await store.inspect(REF);
    states[state] = (states[state] ?? 0) + 1;
    if (state === "complete") await store.verify(REF);
    else assert.equal(state, "incomplete");
  }
  console.log("killed in an overwrite 20 times:", states);
});

Deno.test("a publish after a crash between the two files of an overwrite completes it", async () => {
  await using directory = await temporary();
  const { base } = directory;
  const store = openStore({ backend: "local", base });
  const bytes = parquetOf({ seed: 3 });
  await store.publish(REF, bytes, { producer: PRODUCER });
  const [manifest] = (await filesBelow(base)).filter((file) => file.endsWith("_manifest.json"));
  await Deno.remove(`${base}/${manifest}`);
  const error = await store.publish(REF, parquetOf({ seed: 4 }), { producer: PRODUCER })
    .catch((error) => error);
  assert.equal(error.code, "partition_exists");
  assert.equal(error.manifest.tables.ledgers_lcm_raw.checksum, checksumOf(bytes));
  assert.equal((await store.verify(REF)).state, "ok");
});
