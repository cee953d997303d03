import assert from "node:assert/strict";
import { openStore, type PublishOptions } from "@obsrvr/bronze-store";
import { encryptedParquet, largeParquet, parquetOf } from "./helpers/parquet.ts";
import { filesBelow } from "./helpers/local_harness.ts";
import { PRODUCER, REF } from "./helpers/partition.ts";

async function publish(
  bytes: unknown,
  options: Partial<PublishOptions> = {},
  ref = REF,
): Promise<{ rows: number | undefined; files: string[] }> {
  const base = await Deno.makeTempDir();
  try {
    const { manifest } = await openStore({ backend: "local", base, durable: false })
      .publish(ref, bytes as Uint8Array, { producer: PRODUCER, ...options });
    return { rows: manifest.tables[REF.table]?.row_count, files: [] };
  } catch (error) {
    assert.deepEqual(await filesBelow(base), [], "it wrote something");
    throw error;
  } finally {
    await Deno.remove(base, { recursive: true });
  }
}

Deno.test("publish() refuses ledgers outside the range", async () => {
  for (const [start, end] of [[1, 10], [0, 1], [100, 200]]) {
    const ref = { ...REF, ledgerStart: start!, ledgerEnd: end! };
    await assert.rejects(publish(parquetOf({ rows: 3 }), {}, ref), {
      code: "ledger_range",
      message: /it holds the ledgers 0 to 2/,
    });
  }
});

Deno.test("publish() takes the row count of an encrypted footer from the caller", async () => {
  assert.equal((await publish(encryptedParquet(), { rowCount: 77 })).rows, 77);
  await assert.rejects(publish(encryptedParquet()), {
    code: "invalid_argument",
    message: /rowCount/,
  });
});

Deno.test("publish() refuses a row count that the footer contradicts", async () => {
  assert.equal((await publish(parquetOf(), { rowCount: 3 })).rows, 3);
  await assert.rejects(publish(parquetOf(), { rowCount: 4 }), { code: "invalid_argument" });
});

for (const rowCount of [-1, 1.5, NaN, Infinity]) {
  Deno.test(`publish() refuses the row count ${rowCount}`, async () => {
    await assert.rejects(publish(encryptedParquet(), { rowCount }), { code: "invalid_argument" });
  });
}

Deno.test("publish() refuses a row count that differs from the stored one", async () => {
  const base = await Deno.makeTempDir();
  const store = openStore({ backend: "local", base });
  await store.publish(REF, encryptedParquet(), { producer: PRODUCER, rowCount: 5 });
  await assert.rejects(
    store.publish(REF, encryptedParquet(), { producer: PRODUCER, rowCount: 6 }),
    {
      code: "partition_exists",
    },
  );
  await Deno.remove(base, { recursive: true });
});

for (const body of [undefined, "text", [80, 65, 82, 49], new ArrayBuffer(20)]) {
  Deno.test(`publish() refuses a body that is ${Object.prototype.toString.call(body)}`, async () => {
    await assert.rejects(publish(body), { code: "invalid_argument" });
  });
}

const BAD_PRODUCERS: unknown[] = [
  undefined,
  {},
  { ...PRODUCER, name: "" },
  { ...PRODUCER, version: "a\nb" },
  { ...PRODUCER, git_sha: "ü" },
  { ...PRODUCER, name: "a".repeat(129) },
];
for (const producer of BAD_PRODUCERS) {
  Deno.test(`publish() refuses the producer ${JSON.stringify(producer)}`, async () => {
    await assert.rejects(publish(parquetOf(), { producer } as PublishOptions), {
      code: "invalid_argument",
    });
  });
}

for (const pasEventHash of ["", "a b", "ü", "a".repeat(81), 7]) {
  Deno.test(`publish() refuses the PAS event hash ${JSON.stringify(pasEventHash)}`, async () => {
    await assert.rejects(publish(parquetOf(), { pasEventHash } as PublishOptions), {
      code: "invalid_argument",
    });
  });
}

Deno.test("publish() takes exactly 2 GiB and refuses a byte more", async () => {
  const bytes = largeParquet(2 ** 31 + 1);
  await assert.rejects(publish(bytes), { code: "too_large", message: /2147483649/ });
  assert.equal((await publish(largeParquet(2 ** 31))).rows, 3);
});
