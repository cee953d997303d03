/**
 * What a Parquet file's footer tells without reading its pages.
 *
 * @module
 */
import { parquetMetadata } from "hyparquet";
import { BronzeError } from "./errors.ts";
import type { PartitionRef } from "./partition.ts";

/** A Parquet file of which any part can be read, in memory or in a store. */
export interface ParquetSource {
  /** The file's size in bytes. */
  byteLength: number;
  /** Reads the bytes from `start` up to, but not including, `end`. */
  slice(start: number, end: number): Promise<Uint8Array>;
}

/** What a footer tells. An encrypted footer tells nothing. */
export interface ParquetFooter {
  /** The number of rows; undefined when the footer is encrypted. */
  rowCount: number | undefined;
  /** The least and greatest `ledger_sequence`; undefined where the footer has no statistics of it. */
  ledgers: { min: number; max: number } | undefined;
}

// https://parquet.apache.org/docs/file-format/
const MAGIC = "PAR1";
// https://parquet.apache.org/docs/file-format/data-pages/encryption/ (encrypted footer mode)
const ENCRYPTED_MAGIC = "PARE";
/** Magic, an empty footer's length, magic. */
const LEAST_BYTES = 12;

/** A file that lies in memory as a {@linkcode ParquetSource}. */
export function inMemory(bytes: Uint8Array): ParquetSource {
  return {
    byteLength: bytes.byteLength,
    slice: (start, end) => Promise.resolve(bytes.subarray(start, end)),
  };
}

/**
 * Checks that a file is whole Parquet as far as its ends and its footer tell, and reads the footer.
 *
 * @throws {BronzeError} `not_parquet` when it is not.
 */
export async function readFooter(source: ParquetSource): Promise<ParquetFooter> {
  const size = source.byteLength;
  if (size < LEAST_BYTES) {
    throw notParquet(`it has ${size} bytes, the smallest Parquet file has more`);
  }
  const head = ascii(await source.slice(0, 4));
  const tail = await source.slice(size - 8, size);
  const magic = ascii(tail.subarray(4));
  if (magic !== MAGIC && magic !== ENCRYPTED_MAGIC) {
    throw notParquet(`it ends in ${JSON.stringify(magic)}, not in "${MAGIC}"; it may be truncated`);
  }
  if (head !== magic) {
    throw notParquet(`it begins with ${JSON.stringify(head)} but ends in "${magic}"`);
  }
  const footerBytes = new DataView(tail.buffer, tail.byteOffset).getUint32(0, true);
  const footerStart = size - 8 - footerBytes;
  if (footerBytes === 0 || footerStart < MAGIC.length) {
    throw notParquet(`its footer claims ${footerBytes} bytes of a file of ${size}`);
  }
  if (magic === ENCRYPTED_MAGIC) return { rowCount: undefined, ledgers: undefined };

  const footer = await source.slice(footerStart, size);
  let metadata;
  try {
    metadata = parquetMetadata(footer, { geoparquet: false });
  } catch (cause) {
    throw notParquet("its footer cannot be read", cause);
  }
  const rowCount = Number(metadata.num_rows);
  const rowsInGroups = metadata.row_groups.reduce((sum, group) => sum + Number(group.num_rows), 0);
  if (!Number.isSafeInteger(rowCount) || rowCount < 0 || rowsInGroups !== rowCount) {
    throw notParquet(
      `its footer claims ${rowCount} rows, its row groups ${rowsInGroups} together`,
    );
  }

  let ledgers: ParquetFooter["ledgers"];
  for (const column of metadata.row_groups.flatMap((group) => group.columns)) {
    const chunk = column.meta_data;
    if (!chunk) continue;
    const start = Number(chunk.dictionary_page_offset || chunk.data_page_offset);
    if (start < MAGIC.length || start + Number(chunk.total_compressed_size) > footerStart) {
      throw notParquet(
        `its column ${
          JSON.stringify(chunk.path_in_schema.join("."))
        } lies outside the file; bytes are missing`,
      );
    }
    if (chunk.path_in_schema.join(".") !== "ledger_sequence") continue;
    const min = chunk.statistics?.min_value ?? chunk.statistics?.min;
    const max = chunk.statistics?.max_value ?? chunk.statistics?.max;
    if (min === undefined || max === undefined) continue;
    ledgers = {
      min: Math.min(Number(min), ledgers?.min ?? Infinity),
      max: Math.max(Number(max), ledgers?.max ?? -Infinity),
    };
  }
  return { rowCount, ledgers };
}

function ascii(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function notParquet(why: string, cause?: unknown): BronzeError {
  return new BronzeError("not_parquet", `Cannot take this file as Parquet: ${why}`, { cause });
}

/**
 * Refuses a file whose ledgers are not those it is published as, where its footer tells them.
 *
 * @throws {BronzeError} `ledger_range` when a ledger lies outside the partition's range.
 */
export function assertLedgersWithin(
  { ledgers }: ParquetFooter,
  { ledgerStart, ledgerEnd }: PartitionRef,
): void {
  if (ledgers && (ledgers.min < ledgerStart || ledgers.max > ledgerEnd)) {
    throw new BronzeError(
      "ledger_range",
      `Cannot take this file as the ledgers ${ledgerStart} to ${ledgerEnd}: it holds the ledgers ${ledgers.min} to ${ledgers.max}`,
    );
  }
}
