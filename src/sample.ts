/**
 * A partition to try a configuration with: the Go copier's schema, made-up ledgers, always the same bytes.
 *
 * @module
 */
import { parquetWriteBuffer } from "hyparquet-writer";
import { BronzeError } from "./errors.ts";

/** The ledgers of the sample: 0 to 9999. */
export const SAMPLE_LEDGERS = 10_000;
/** What a row has besides its XDR, about: four hashes in hex and the numbers. */
const ROW_BYTES = 340;
const MAX_SAMPLE_BYTES = 1024 ** 3;

type Column = [name: string, type: keyof typeof TYPES, data: ArrayLike<unknown>];

// Types as pyarrow reads them from a file of the Go copier's; a table of mixed schemas breaks its readers.
const TYPES = {
  uint64: { type: "INT64", converted_type: "UINT_64" },
  int64: { type: "INT64", converted_type: "INT_64" },
  uint32: { type: "INT32", converted_type: "UINT_32" },
  int32: { type: "INT32", converted_type: "INT_32" },
  time: { type: "INT64", converted_type: "TIMESTAMP_MILLIS" },
  text: { type: "BYTE_ARRAY", converted_type: "UTF8" },
  bytes: { type: "BYTE_ARRAY" },
} as const;

/** 2015-09-30, when the network began; five seconds a ledger. */
const FIRST_CLOSE_MS = 1_443_571_200_000;
const INGESTED_MS = 1_736_937_000_000;

/**
 * Makes the sample's Parquet file.
 *
 * @param byteSize About how many bytes it shall have; the XDR of each ledger is made that long.
 * @returns The file: the same bytes for the same size, every time.
 */
export function sampleParquet(byteSize: number = 4_000_000): Uint8Array {
  const xdrBytes = Math.floor(byteSize / SAMPLE_LEDGERS) - ROW_BYTES;
  if (!(xdrBytes >= 1) || byteSize > MAX_SAMPLE_BYTES) {
    throw new BronzeError(
      "invalid_argument",
      `Cannot make a sample of ${byteSize} bytes: it takes 4 MB to 1 GiB`,
    );
  }
  const noise = noiseOf(SAMPLE_LEDGERS * xdrBytes + 64 * (SAMPLE_LEDGERS + 1));
  const hash = (index: number) => noise.subarray(index * 32, index * 32 + 32).toHex();
  const xdr = (index: number) =>
    noise.subarray(64 * (SAMPLE_LEDGERS + 1) + index * xdrBytes).subarray(0, xdrBytes);
  const each = <T>(value: (ledger: number) => T) =>
    Array.from({ length: SAMPLE_LEDGERS }, (_, i) => value(i));

  const columns: Column[] = [
    ["ledger_sequence", "uint64", each((ledger) => BigInt(ledger))],
    ["ledger_hash", "text", each((ledger) => hash(ledger + 1))],
    ["previous_ledger_hash", "text", each(hash)],
    ["close_time", "time", each((ledger) => new Date(FIRST_CLOSE_MS + ledger * 5000))],
    ["protocol_version", "uint32", each(() => 1)],
    ["total_coins", "int64", each(() => 1_000_000_000_000_000_000n)],
    ["fee_pool", "int64", each((ledger) => BigInt(ledger) * 100n)],
    ["tx_set_hash", "text", each((ledger) => hash(SAMPLE_LEDGERS + ledger))],
    ["tx_count", "int32", each(() => 1)],
    ["operation_count", "int32", each(() => 1)],
    ["xdr_bytes", "bytes", each(xdr)],
    ["xdr_byte_length", "int32", each(() => xdrBytes)],
    ["xdr_sha256", "text", each((ledger) => hash(ledger + 2))],
    ["bronze_version", "text", each(() => "v1")],
    ["era_id", "text", each(() => "pre_p23")],
    ["network", "text", each(() => "pubnet")],
    ["ingested_at", "time", each(() => new Date(INGESTED_MS))],
  ];
  return new Uint8Array(parquetWriteBuffer({
    schema: [
      { name: "LedgersLCMRawRow", num_children: columns.length },
      ...columns.map(([name, type]) => ({
        name,
        repetition_type: "REQUIRED" as const,
        ...TYPES[type],
      })),
    ],
    columnData: columns.map(([name, type, data]) => ({
      name,
      data: data as unknown[],
      // Noise does not compress: the file is as large as was asked for.
      ...(type === "bytes" ? { codec: "UNCOMPRESSED" as const, columnIndex: false } : {}),
    })),
    rowGroupSize: SAMPLE_LEDGERS,
    createdBy: "bronze-store-sample",
  }));
}

/** Bytes that look random and are the same every time (xorshift32, G. Marsaglia 2003). */
function noiseOf(length: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = 0x9e37_79b9;
  for (let index = 0; index < words.length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return new Uint8Array(words.buffer, 0, length);
}
