import assert from "node:assert/strict";
import { createStorage, type Driver, prefixStorage } from "unstorage";
import type { Harness } from "../helpers/harness.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** What every driver of this module does, alone and below unstorage. */
export function driverConformance(harness: Harness): void {
  const test = (
    behaviour: string,
    body: (place: Awaited<ReturnType<Harness["place"]>>) => Promise<void>,
  ) =>
    Deno.test(`${harness.name} driver: ${behaviour}`, async () => {
      await using place = await harness.place();
      await body(place);
    });

  test("setItemRaw() stores the bytes under the key's path", async ({ driver, read }) => {
    await driver.setItemRaw("a:b:c.bin", bytes("content"));
    assert.deepEqual(await read("a/b/c.bin"), bytes("content"));
  });

  test("setItemRaw() stores an empty object", async ({ driver, read }) => {
    await driver.setItemRaw("a:empty", new Uint8Array());
    assert.deepEqual(await read("a/empty"), new Uint8Array());
  });

  test("setItemRaw() creates only", async ({ driver, read }) => {
    await driver.setItemRaw("a:b", bytes("first"));
    await assert.rejects(driver.setItemRaw("a:b", bytes("second")), {
      name: "BronzeError",
      code: "partition_exists",
      retryable: false,
    });
    assert.deepEqual(await read("a/b"), bytes("first"));
  });

  test("setItemRaw() replaces with overwrite", async ({ driver, read }) => {
    await driver.setItemRaw("a:b", bytes("first"));
    await driver.setItemRaw("a:b", bytes("second"), { overwrite: true });
    assert.deepEqual(await read("a/b"), bytes("second"));
  });

  test("setItemRaw() replaces the content that it was told of", async ({ driver, read }) => {
    await driver.setItemRaw("a:b", bytes("first"));
    const { etag } = (await driver.getMeta("a:b"))!;
    await driver.setItemRaw("a:b", bytes("second"), { ifMatch: etag });
    assert.deepEqual(await read("a/b"), bytes("second"));
  });

  test("setItemRaw() refuses to replace other content", async ({ driver, read }) => {
    await driver.setItemRaw("a:b", bytes("first"));
    const { etag } = (await driver.getMeta("a:b"))!;
    await driver.setItemRaw("a:b", bytes("second"), { overwrite: true });
    await assert.rejects(driver.setItemRaw("a:b", bytes("third"), { ifMatch: etag }), {
      code: "conflict",
      retryable: true,
    });
    assert.deepEqual(await read("a/b"), bytes("second"));
  });

  test("setItemRaw() refuses an unknown option", async ({ driver, list }) => {
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

  test("setItemRaw() does not begin when it is aborted already", async ({ driver, list }) => {
    await assert.rejects(
      driver.setItemRaw("a:b", bytes("content"), { signal: AbortSignal.abort() }),
      {
        code: "aborted",
      },
    );
    assert.deepEqual(await list(), []);
  });

  test("setItemRaw() tells the progress up to the last byte", async ({ driver }) => {
    const seen: number[] = [];
    const body = new Uint8Array(9_000_000);
    await driver.setItemRaw("a:b", body, { onProgress: (loaded) => seen.push(loaded) });
    assert.equal(seen.at(-1), body.byteLength);
    assert.deepEqual(seen, seen.toSorted((a, b) => a - b));
  });

  test("setItemRaw() of 16 writers at once lets one win", async ({ driver, read }) => {
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

  test("setItem() and getItem() handle text", async ({ driver, read }) => {
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

  test("getItemRaw() reads a range", async ({ driver }) => {
    await driver.setItemRaw("a:b", bytes("0123456789"));
    assert.deepEqual(await driver.getItemRaw("a:b", { range: { start: 2, end: 5 } }), bytes("234"));
  });

  test("getItemRaw() tells of the object that it read", async ({ driver }) => {
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

  test("works below createStorage()", async ({ driver, read }) => {
    const storage = createStorage({ driver: driver as unknown as Driver });
    await storage.setItemRaw("a:b", bytes("content"));
    assert.deepEqual(await read("a/b"), bytes("content"));
    assert.deepEqual(await storage.getItemRaw<Uint8Array>("a:b"), bytes("content"));
    assert.equal((await storage.getMeta("a:b")).size, 7);
    assert.equal(await storage.hasItem("a:b"), true);
    await assert.rejects(storage.setItemRaw("a:b", bytes("second")), { code: "partition_exists" });
    await assert.rejects(storage.removeItem("a:b"), { code: "unsupported" });
    await storage.setItem("a:text", "words");
    assert.equal(await storage.getItem("a:text"), "words");
    await storage.dispose();
  });

  test("works below prefixStorage()", async ({ driver, read }) => {
    const storage = prefixStorage(
      createStorage({ driver: driver as unknown as Driver }),
      "deep:er",
    );
    await storage.setItemRaw("a:b", bytes("content"));
    assert.deepEqual(await read("deep/er/a/b"), bytes("content"));
    assert.deepEqual(await storage.getItemRaw<Uint8Array>("a:b"), bytes("content"));
  });
}
