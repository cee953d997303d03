import assert from "node:assert/strict";
import { inMemory, readFooter } from "../src/parquet.ts";
import { encryptedParquet, largeParquet, parquetOf } from "./helpers/parquet.ts";
import { sampleParquet } from "../src/sample.ts";
import { checksumOf } from "./helpers/partition.ts";

const read = (bytes: Uint8Array) => readFooter(inMemory(bytes));

Deno.test("readFooter() tells the rows and the ledgers", async () => {
  assert.deepEqual(await read(parquetOf({ start: 53312000, rows: 20 })), {
    rowCount: 20,
    ledgers: { min: 53312000, max: 53312019 },
  });
});

Deno.test("readFooter() tells no ledgers of a file without rows", async () => {
  assert.deepEqual(await read(parquetOf({ rows: 0 })), { rowCount: 0, ledgers: undefined });
});

Deno.test("readFooter() tells nothing of an encrypted footer", async () => {
  assert.deepEqual(await read(encryptedParquet()), { rowCount: undefined, ledgers: undefined });
});

Deno.test("readFooter() reads a file that is a view into a larger buffer", async () => {
  const file = parquetOf();
  const buffer = new Uint8Array(file.byteLength + 20).fill(9);
  buffer.set(file, 7);
  assert.equal((await read(buffer.subarray(7, 7 + file.byteLength))).rowCount, 3);
});

const file = parquetOf();
const withByte = (at: number, value: number) =>
  file.with(at < 0 ? file.byteLength + at : at, value);
const BAD: Record<string, Uint8Array> = {
  "an empty file": new Uint8Array(),
  "11 bytes": file.subarray(0, 11),
  "text": new TextEncoder().encode("ledger,hash\n1,abc\n"),
  "a file truncated at its end": file.subarray(0, -1),
  "a file truncated at its beginning": file.subarray(1),
  "a file with a byte too many": new Uint8Array([...file, 0]),
  "a wrong magic at the beginning": withByte(0, 0),
  "a footer longer than the file": withByte(-6, 255),
  "a footer of length zero": withByte(-8, 0).with(file.byteLength - 7, 0),
  "a footer that is not Thrift": file.map((byte, at) =>
    at > file.byteLength - 100 && at < file.byteLength - 8 ? 255 : byte
  ),
  "a file whose middle is missing": new Uint8Array([
    ...file.subarray(0, 40),
    ...file.subarray(100),
  ]),
};
for (const [what, bytes] of Object.entries(BAD)) {
  Deno.test(`readFooter() refuses ${what}`, async () => {
    await assert.rejects(read(bytes), { name: "BronzeError", code: "not_parquet" });
  });
}

Deno.test("readFooter() does not take a failure to read for a file that is no Parquet", async () => {
  const whole = inMemory(file);
  for (const failing of [0, 1, 2]) {
    let reads = 0;
    const source = {
      ...whole,
      slice: (start: number, end: number) =>
        reads++ === failing ? Promise.reject(new Error("the network")) : whole.slice(start, end),
    };
    await assert.rejects(readFooter(source), { message: "the network" });
  }
});

Deno.test("a sample is the same bytes every time", () => {
  assert.equal(
    checksumOf(sampleParquet()),
    "sha256:3c9667e3cf324d8c1fe1f2c57c4bee86a5f27e57b1f4bf20c8e96ae68c0a903d",
  );
});

Deno.test("a sample is about as large as it was asked for", () => {
  const { byteLength } = sampleParquet(20_000_000);
  assert.ok(Math.abs(byteLength - 20_000_000) < 2_000_000, `${byteLength}`);
});

Deno.test("readFooter() of a large file reads only its ends", async () => {
  const bytes = largeParquet(50_000_000);
  let read = 0;
  await readFooter({
    byteLength: bytes.byteLength,
    slice(start, end) {
      read += end - start;
      return Promise.resolve(bytes.subarray(start, end));
    },
  });
  assert.ok(read < 1_000_000, `${read} bytes`);
});
