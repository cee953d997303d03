import assert from "node:assert/strict";
import { createStorage, type Driver, prefixStorage, type Storage } from "unstorage";
import type { BlobDriver } from "../../src/drivers/driver.ts";
import type { Harness, Place } from "../helpers/harness.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** A place whose driver is used as unstorage's users do. */
function below(place: Place, storage: Storage, prefix: string): Place {
  const driver: BlobDriver = {
    ...place.driver,
    hasItem: (key, options = {}) => storage.hasItem(key, options),
    getItem: (key, options = {}) => storage.getItem<string>(key, options),
    getItemRaw: (key, options = {}) => storage.getItemRaw<Uint8Array>(key, options),
    getMeta: async (key) => await storage.getMeta(key) as { size: number; etag: string },
    setItem: (key, value, options = {}) => storage.setItem(key, value, options),
    setItemRaw: (key, value, options = {}) => storage.setItemRaw(key, value, options),
  };
  return { ...place, driver, read: (key) => place.read(prefix + key) };
}

const storageOf = ({ driver }: Place) => createStorage({ driver: driver as unknown as Driver });

/** The ways to a driver. */
const WAYS: Record<string, (place: Place) => Place> = {
  "driver": (place) => place,
  "driver below createStorage()": (place) => below(place, storageOf(place), ""),
  "driver below prefixStorage()": (place) =>
    below(place, prefixStorage(storageOf(place), "deep:er"), "deep/er/"),
};

/** What every driver of this module does, alone and below unstorage. */
export function driverConformance(harness: Harness): void {
  const testOne = (way: string, behaviour: string, body: (place: Place) => Promise<void>) =>
    Deno.test(`${harness.name} ${way}: ${behaviour}`, async () => {
      await using place = await harness.place();
      await body(WAYS[way]!(place));
    });
  const test = (behaviour: string, body: (place: Place) => Promise<void>) =>
    testOne("driver", behaviour, body);
  const testEveryWay = (behaviour: string, body: (place: Place) => Promise<void>) => {
    for (const way of Object.keys(WAYS)) testOne(way, behaviour, body);
  };

  testEveryWay("setItemRaw() stores the bytes under the key's path", async ({ driver, read }) => {
    await driver.setItemRaw("a:b:c.bin", bytes("content"));
    assert.deepEqual(await read("a/b/c.bin"), bytes("content"));
  });

  testEveryWay("setItemRaw() stores an empty object", async ({ driver, read }) => {
    await driver.setItemRaw("a:empty", new Uint8Array());
    assert.deepEqual(await read("a/empty"), new Uint8Array());
  });

  testEveryWay("setItemRaw() creates only", async ({ driver, read }) => {
    await driver.setItemRaw("a:b", bytes("first"));
    await assert.rejects(driver.setItemRaw("a:b", bytes("second")), {
      name: "BronzeError",
      code: "partition_exists",
      retryable: false,
    });
    assert.deepEqual(await read("a/b"), bytes("first"));
  });

  testEveryWay("setItemRaw() replaces with overwrite", async ({ driver, read }) => {
    await driver.setItemRaw("a:b", bytes("first"));
    await driver.setItemRaw("a:b", bytes("second"), { overwrite: true });
    assert.deepEqual(await read("a/b"), bytes("second"));
  });

  testEveryWay(
    "setItemRaw() replaces the content that it was told of",
    async ({ driver, read }) => {
      await driver.setItemRaw("a:b", bytes("first"));
      const { etag } = (await driver.getMeta("a:b"))!;
      await driver.setItemRaw("a:b", bytes("second"), { ifMatch: etag });
      assert.deepEqual(await read("a/b"), bytes("second"));
    },
  );

  testEveryWay("setItemRaw() refuses to replace other content", async ({ driver, read }) => {
    await driver.setItemRaw("a:b", bytes("first"));
    const { etag } = (await driver.getMeta("a:b"))!;
    await driver.setItemRaw("a:b", bytes("second"), { overwrite: true });
    await assert.rejects(driver.setItemRaw("a:b", bytes("third"), { ifMatch: etag }), {
      code: "conflict",
      retryable: true,
    });
    assert.deepEqual(await read("a/b"), bytes("second"));
  });

  testEveryWay("setItemRaw() refuses an unknown option", async ({ driver, list }) => {
    const misspelt = { overwrit: true } as Record<string, unknown>;
    await assert.rejects(driver.setItemRaw("a:b", bytes("content"), misspelt), {
      code: "invalid_argument",
      message: /"overwrit" is unknown/,
    });
    assert.deepEqual(await list(), []);
  });

  for (const key of ["", "..", "a:..:b", "a/../b", ":a", "a::b", ".", "a:\n", "a\\b", "a:\0"]) {
    test(`setItemRaw() refuses the key ${JSON.stringify(key)}`, async ({ driver, list }) => {
      await assert.rejects(driver.setItemRaw(key, bytes("content")), { code: "invalid_argument" });
      assert.deepEqual(await list(), []);
    });
  }

  testEveryWay(
    "setItemRaw() does not begin when it is aborted already",
    async ({ driver, list }) => {
      await assert.rejects(
        driver.setItemRaw("a:b", bytes("content"), { signal: AbortSignal.abort() }),
        {
          code: "aborted",
        },
      );
      assert.deepEqual(await list(), []);
    },
  );

  testEveryWay("setItemRaw() tells the progress up to the last byte", async ({ driver }) => {
    const seen: number[] = [];
    const body = new Uint8Array(9_000_000);
    await driver.setItemRaw("a:b", body, { onProgress: (loaded) => seen.push(loaded) });
    assert.equal(seen.at(-1), body.byteLength);
    assert.deepEqual(seen, seen.toSorted((a, b) => a - b));
  });

  testEveryWay("setItemRaw() of 16 writers at once lets one win", async ({ driver, read }) => {
    const outcomes = await Promise.allSettled(
      Array.from(
        { length: 16 },
        (_, writer) => driver.setItemRaw("a:b", bytes(`writer ${writer}`)),
      ),
    );
    const winners = outcomes.flatMap(({ status }, writer) =>
      status === "fulfilled" ? [writer] : []
    );
    assert.equal(winners.length, 1);
    assert.deepEqual(await read("a/b"), bytes(`writer ${winners[0]}`));
  });

  testEveryWay("setItem() and getItem() handle text", async ({ driver, read }) => {
    await driver.setItem("a:b", "übung");
    assert.deepEqual(await read("a/b"), bytes("übung"));
    assert.equal(await driver.getItem("a:b"), "übung");
  });

  test("getItemRaw() returns null when there is none", async ({ driver }) => {
    assert.equal(await driver.getItemRaw("a:b"), null);
    assert.equal(await driver.getItem("a:b"), null);
    assert.equal(await driver.getItemStream("a:b"), null);
    assert.equal(await driver.getMeta("a:b"), null);
    assert.equal(await driver.hasItem("a:b"), false);
  });

  testEveryWay("getItemRaw() reads a range", async ({ driver }) => {
    await driver.setItemRaw("a:b", bytes("0123456789"));
    assert.deepEqual(await driver.getItemRaw("a:b", { range: { start: 2, end: 5 } }), bytes("234"));
  });

  testEveryWay("getItemRaw() tells of the object that it read", async ({ driver }) => {
    await driver.setItemRaw("a:b", bytes("content"));
    let etag;
    await driver.getItemRaw("a:b", { onMeta: (meta) => etag = meta.etag });
    assert.equal(etag, (await driver.getMeta("a:b"))?.etag);
  });

  test("getItemStream() yields the whole object", async ({ driver }) => {
    const body = crypto.getRandomValues(new Uint8Array(60_000));
    await driver.setItemRaw("a:b", body);
    const read = new Uint8Array(body.byteLength);
    let at = 0;
    for await (const chunk of (await driver.getItemStream("a:b"))!) {
      read.set(chunk, at);
      at += chunk.byteLength;
    }
    assert.equal(at, body.byteLength);
    assert.deepEqual(read, body);
  });

  test("getMeta() describes the object", async ({ driver }) => {
    const before = Date.now();
    await driver.setItemRaw("a:b", bytes("content"));
    const meta = (await driver.getMeta("a:b"))!;
    assert.equal(meta.size, 7);
    assert.ok(Math.abs(meta.mtime!.getTime() - before) < 60_000);
    assert.ok(await driver.hasItem("a:b"));
  });

  test("removeItem(), clear() and getKeys() are refused", async ({ driver, read }) => {
    await driver.setItemRaw("a:b", bytes("content"));
    for (const call of [driver.removeItem("a:b"), driver.clear("a"), driver.getKeys("a")]) {
      await assert.rejects(call, { code: "unsupported", message: /append-only/ });
    }
    assert.deepEqual(await read("a/b"), bytes("content"));
  });

  test("options hold nothing secret", ({ driver }) => {
    assert.doesNotMatch(Deno.inspect(driver, { depth: 9 }), /secret|password/i);
    return Promise.resolve();
  });

  test("below createStorage() it neither removes nor invents objects", async (place) => {
    const storage = storageOf(place);
    await storage.setItemRaw("a:b", bytes("content"));
    assert.equal((await storage.getMeta("a:b")).size, 7);
    assert.equal(await storage.hasItem("a:c"), false);
    await assert.rejects(storage.removeItem("a:b"), { code: "unsupported" });
    await assert.rejects(storage.setItemRaw("a:b", undefined), { code: "unsupported" });
    assert.deepEqual(await place.read("a/b"), bytes("content"));
    await storage.dispose();
  });
}
