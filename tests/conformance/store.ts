import assert from "node:assert/strict";
import { BronzeStore, type StoreEvent } from "@obsrvr/bronze-store";
import type { Harness, Place } from "../helpers/harness.ts";
import { parquetOf } from "../helpers/parquet.ts";
import {
  checksumOf,
  DIRECTORY,
  goManifest,
  MANIFEST,
  PARQUET,
  PRODUCER,
  REF,
} from "../helpers/partition.ts";

const ours = parquetOf({ seed: 1 });
const others = parquetOf({ seed: 2 });
const options = { producer: PRODUCER };

interface Bench extends Place {
  store: BronzeStore;
  overwriter: BronzeStore;
  events: StoreEvent[];
}

/** What a store does on every backend. */
export function storeConformance(harness: Harness): void {
  const test = (behaviour: string, body: (bench: Bench) => Promise<void>) =>
    Deno.test(`${harness.name} store: ${behaviour}`, async () => {
      await using place = await harness.place();
      const events: StoreEvent[] = [];
      const shared = { driver: place.driver, onEvent: (event: StoreEvent) => events.push(event) };
      const store = new BronzeStore(shared);
      const overwriter = new BronzeStore({ ...shared, allowOverwrite: true });
      await body({ ...place, store, overwriter, events });
    });

  test("publish() writes exactly two files, byte for byte", async ({ store, read, list }) => {
    const result = await store.publish(REF, ours, { ...options, pasEventHash: "sha256:abc" });
    assert.equal(result.status, "created");
    assert.deepEqual(await list(), [MANIFEST, PARQUET]);
    assert.deepEqual(await read(PARQUET), ours);
    const text = new TextDecoder().decode((await read(MANIFEST))!);
    assert.deepEqual(JSON.parse(text), result.manifest);
    assert.equal(text, JSON.stringify(result.manifest, null, 2) + "\n");
    assert.equal(result.manifest.tables.ledgers_lcm_raw?.checksum, checksumOf(ours));
    assert.equal(result.manifest.tables.ledgers_lcm_raw?.byte_size, ours.byteLength);
    assert.equal(result.manifest.tables.ledgers_lcm_raw?.row_count, 3);
    assert.equal(result.manifest.pas_event_hash, "sha256:abc");
    assert.equal(result.manifestChecksum, result.manifest.manifest_checksum);
    assert.ok(result.uri.endsWith(`${DIRECTORY}/`));
  });

  test("publish() of the same bytes is unchanged", async ({ store, read }) => {
    await store.publish(REF, ours, options);
    const before = await read(MANIFEST);
    const later = { name: "another", version: "2", git_sha: "def" };
    const result = await store.publish(REF, ours, { producer: later, pasEventHash: "sha256:new" });
    assert.equal(result.status, "unchanged");
    assert.deepEqual(result.manifest.producer, PRODUCER);
    assert.equal(result.pasEventHashDiffers, true);
    assert.deepEqual(await read(MANIFEST), before);
  });

  test("publish() refuses a second writer", async ({ store, read }) => {
    const { manifest } = await store.publish(REF, others, options);
    await assert.rejects(store.publish(REF, ours, options), {
      name: "PartitionExistsError",
      code: "partition_exists",
      retryable: false,
      key: PARQUET,
      manifest,
    });
    assert.deepEqual(await read(PARQUET), others);
  });

  test("publish() writes below the prefix", async ({ driver, list }) => {
    await new BronzeStore({ driver, prefix: "a/b" }).publish(REF, ours, options);
    assert.deepEqual(await list(), [`a/b/${MANIFEST}`, `a/b/${PARQUET}`]);
  });

  test("publish() at once by 16 with the same bytes succeeds for all", async ({ store, read }) => {
    const results = await Promise.all(
      Array.from({ length: 16 }, () => store.publish(REF, ours, options)),
    );
    assert.ok(results.every(({ manifest }) => manifest.tables.ledgers_lcm_raw));
    assert.deepEqual(await read(PARQUET), ours);
    assert.equal((await store.verify(REF)).state, "ok");
  });

  test("publish() completes its own half-written partition", async ({ store, write, list }) => {
    await write(PARQUET, ours);
    assert.equal(await store.exists(REF), false);
    assert.equal((await store.inspect(REF)).state, "incomplete");
    assert.equal((await store.publish(REF, ours, options)).status, "completed");
    assert.deepEqual(await list(), [MANIFEST, PARQUET]);
    assert.equal((await store.verify(REF)).state, "ok");
  });

  test("publish() completes another's half-written partition, then refuses", async (bench) => {
    const { store, write, read } = bench;
    await write(PARQUET, others);
    const error = await store.publish(REF, ours, options).catch((error) => error);
    assert.equal(error.code, "partition_exists");
    assert.equal(error.manifest.tables.ledgers_lcm_raw.checksum, checksumOf(others));
    assert.equal(error.manifest.producer.name, "bronze-store");
    assert.deepEqual(await read(PARQUET), others);
    assert.equal((await store.verify(REF)).state, "ok");
  });

  test("publish() does not complete what is no Parquet", async ({ store, write, list }) => {
    await write(PARQUET, new TextEncoder().encode("half a file"));
    await assert.rejects(store.publish(REF, ours, options), { code: "damaged" });
    assert.deepEqual(await list(), [PARQUET]);
  });

  test("publish() puts a vanished Parquet file back", async ({ store, read, remove }) => {
    await store.publish(REF, ours, options);
    const before = await read(MANIFEST);
    await remove(PARQUET);
    assert.equal((await store.inspect(REF)).state, "damaged");
    await assert.rejects(store.publish(REF, others, options), { code: "damaged" });
    assert.equal((await store.publish(REF, ours, options)).status, "completed");
    assert.deepEqual(await read(PARQUET), ours);
    assert.deepEqual(await read(MANIFEST), before);
  });

  test("publish() refuses a damaged partition", async ({ store, overwriter, read, write }) => {
    await store.publish(REF, ours, options);
    await write(PARQUET, ours.subarray(1));
    for (const each of [store, overwriter]) {
      await assert.rejects(each.publish(REF, others, options), {
        name: "PartitionDamagedError",
        code: "damaged",
      });
    }
    assert.deepEqual(await read(PARQUET), ours.subarray(1));
  });

  test("publish() replaces with allowOverwrite", async ({ store, overwriter, read }) => {
    await store.publish(REF, others, options);
    assert.equal((await overwriter.publish(REF, ours, options)).status, "overwritten");
    assert.deepEqual(await read(PARQUET), ours);
    assert.equal((await store.verify(REF)).state, "ok");
    assert.equal((await overwriter.publish(REF, ours, options)).status, "unchanged");
  });

  test("publish() replaces a half-written partition with allowOverwrite", async (bench) => {
    await bench.write(PARQUET, others);
    assert.equal((await bench.overwriter.publish(REF, ours, options)).status, "overwritten");
    assert.deepEqual(await bench.read(PARQUET), ours);
    assert.equal((await bench.store.verify(REF)).state, "ok");
  });

  test("publish() that is aborted before writes nothing", async ({ store, list }) => {
    await assert.rejects(store.publish(REF, ours, { ...options, signal: AbortSignal.abort() }), {
      code: "aborted",
      retryable: false,
    });
    assert.deepEqual(await list(), []);
  });

  test("publish() tells what it does", async ({ store, events }) => {
    await store.publish(REF, ours, options);
    await store.publish(REF, ours, options);
    await store.publish(REF, others, options).catch(() => {});
    assert.deepEqual(events.map(({ type }) => type).filter((type) => type !== "warning"), [
      "writing",
      "wrote",
      "wrote",
      "unchanged",
      "exists",
    ]);
    const wrote = events.find(({ type }) => type === "wrote");
    assert.equal(wrote?.checksum, checksumOf(ours));
    assert.equal(wrote?.byteSize, ours.byteLength);
    assert.equal(
      events.filter(({ type }) => type === "warning").length,
      harness.createsAtomically ? 0 : 1,
    );
  });

  test("inspect() and exists() of nothing", async ({ store }) => {
    assert.equal((await store.inspect(REF)).state, "absent");
    assert.equal(await store.exists(REF), false);
    await assert.rejects(store.readManifest(REF), { code: "not_found" });
    await assert.rejects(store.verify(REF), { code: "not_found" });
  });

  test("exists() throws when damaged", async ({ store, read, write }) => {
    await store.publish(REF, ours, options);
    const manifest = (await read(MANIFEST))!;
    await write(MANIFEST, manifest.subarray(0, -9));
    await assert.rejects(store.exists(REF), { name: "PartitionDamagedError" });
    await assert.rejects(store.readManifest(REF), { code: "damaged" });
  });

  test("a manifest of another partition is damage", async ({ store, read, write }) => {
    await store.publish({ ...REF, ledgerEnd: 9998 }, ours, options);
    const directory = DIRECTORY.replace("9999", "9998");
    await write(PARQUET, ours);
    await write(MANIFEST, (await read(`${directory}/_manifest.json`))!);
    const { state, problems } = await store.inspect(REF);
    assert.equal(state, "damaged");
    assert.match(problems.join(), /partition\.end 9998/);
  });

  test("a Go copier's partition is complete and unsealed", async ({ store, write }) => {
    await write(PARQUET, ours);
    await write(MANIFEST, goManifest(ours, 3));
    assert.equal(await store.exists(REF), true);
    assert.equal((await store.inspect(REF)).sealed, false);
    assert.equal((await store.verify(REF)).state, "unsealed");
    assert.equal((await store.publish(REF, ours, options)).status, "unchanged");
    await assert.rejects(store.publish(REF, others, options), { code: "partition_exists" });
  });

  test("verify() finds a changed byte", async ({ store, write }) => {
    await store.publish(REF, ours, options);
    const changed = ours.slice();
    changed[5]! ^= 1;
    await write(PARQUET, changed);
    await assert.rejects(store.verify(REF), { code: "damaged", message: /hashes to/ });
  });

  test("verify() of a half-written partition", async ({ store, write }) => {
    await write(PARQUET, ours);
    await assert.rejects(store.verify(REF), { code: "incomplete" });
  });

  test("repair() completes a half-written partition", async ({ store, read, remove }) => {
    const { manifest } = await store.publish(REF, ours, options);
    const before = await read(MANIFEST);
    assert.equal((await store.repair(REF)).status, "unchanged");
    await remove(MANIFEST);
    const repaired = await store.repair(REF);
    assert.equal(repaired.status, "completed");
    assert.deepEqual(repaired.manifest.tables, manifest.tables);
    if (harness.keepsMetadata) assert.deepEqual(await read(MANIFEST), before);
    else assert.equal(repaired.manifest.producer.name, "bronze-store");
    assert.equal((await store.verify(REF)).state, "ok");
  });

  test("repair() refuses what is absent, damaged or no Parquet", async ({ store, write, read }) => {
    await assert.rejects(store.repair(REF), { code: "not_found" });
    await write(PARQUET, new TextEncoder().encode("half a file"));
    await assert.rejects(store.repair(REF), { code: "damaged" });
    await write(MANIFEST, goManifest(ours, 3));
    await assert.rejects(store.repair(REF), { code: "damaged" });
    assert.deepEqual(await read(MANIFEST), goManifest(ours, 3));
  });

  test("writeParquet() and writeManifest() are the two halves", async ({ store, list, read }) => {
    const manifest = await store.writeParquet(REF, ours, options);
    assert.deepEqual(await list(), [PARQUET]);
    assert.deepEqual(await store.writeManifest(REF, manifest), manifest);
    assert.deepEqual(await read(PARQUET), ours);
    assert.equal((await store.verify(REF)).state, "ok");
    assert.deepEqual(await store.writeParquet(REF, ours, options), manifest);
    assert.deepEqual(await store.writeManifest(REF, manifest), manifest);
  });

  test("writeParquet() refuses other content, and completes it first", async ({ store, read }) => {
    await store.writeParquet(REF, others, options);
    await assert.rejects(store.writeParquet(REF, ours, options), { name: "PartitionExistsError" });
    assert.equal((await store.verify(REF)).state, "ok");
    assert.deepEqual(await read(PARQUET), others);
  });

  test("writeManifest() refuses one that disagrees with the file", async ({ store, list }) => {
    const { manifest_checksum: _, ...manifest } = await store.writeParquet(REF, ours, options);
    const table = manifest.tables.ledgers_lcm_raw!;
    const wrong = { checksum: checksumOf(others), byte_size: 1, row_count: 4 };
    for (const [member, value] of Object.entries(wrong)) {
      const tables = { ledgers_lcm_raw: { ...table, [member]: value } };
      await assert.rejects(store.writeManifest(REF, { ...manifest, tables }), {
        code: "invalid_argument",
        message: new RegExp(member),
      });
    }
    assert.deepEqual(await list(), [PARQUET]);
  });

  test("writeManifest() needs the Parquet file", async ({ store, driver }) => {
    const elsewhere = new BronzeStore({ driver, prefix: "elsewhere" });
    const manifest = await elsewhere.writeParquet(REF, ours, options);
    await assert.rejects(store.writeManifest(REF, manifest), { code: "not_found" });
  });
}
