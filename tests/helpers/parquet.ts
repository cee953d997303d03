import { parquetWriteBuffer } from "hyparquet-writer";

/** A small Parquet file of the ledgers `start` to `start + rows - 1`; another seed makes other bytes. */
export function parquetOf(
  options: { start?: number; rows?: number; seed?: number } = {},
): Uint8Array {
  const { start = 0, rows = 3, seed = 0 } = options;
  return new Uint8Array(parquetWriteBuffer({
    columnData: [
      {
        name: "ledger_sequence",
        type: "INT64",
        data: Array.from({ length: rows }, (_, row) => BigInt(start + row)),
      },
      { name: "seed", type: "INT32", data: Array.from({ length: rows }, () => seed) },
    ],
  }));
}

/** A Parquet file of exactly `byteSize` bytes: a small one with a gap before its footer. */
export function largeParquet(byteSize: number, seed = 0): Uint8Array {
  const small = parquetOf({ seed });
  const footerBytes = new DataView(small.buffer).getUint32(small.byteLength - 8, true) + 8;
  const large = new Uint8Array(byteSize);
  large.set(small.subarray(0, -footerBytes));
  const gap = large.subarray(small.byteLength - footerBytes, byteSize - footerBytes);
  const noise = new Uint8Array(Math.min(65_536, gap.byteLength));
  crypto.getRandomValues(noise);
  for (let at = 0; at < gap.byteLength; at += noise.byteLength) {
    gap.set(noise.subarray(0, gap.byteLength - at), at);
  }
  large.set(small.subarray(-footerBytes), byteSize - footerBytes);
  return large;
}

/** A file with an encrypted footer, as far as its ends show. */
export function encryptedParquet(): Uint8Array {
  const bytes = new Uint8Array(64).fill(7);
  const mark = new TextEncoder().encode("PARE");
  bytes.set(mark);
  bytes.set(mark, 60);
  new DataView(bytes.buffer).setUint32(56, 20, true);
  return bytes;
}
