/**
 * The checks on what is to be published, before anything is written.
 *
 * @module
 */
import { BronzeError } from "./errors.ts";
import { assertPasEventHash, assertProducer } from "./manifest.ts";
import { assertLedgersWithin, inMemory, readFooter } from "./parquet.ts";
import type { PartitionRef } from "./partition.ts";
import type { PublishOptions } from "./publish_options.ts";

/** A body that was checked and is to be published. */
export interface Body {
  bytes: Uint8Array;
  rowCount: number;
  options: PublishOptions;
}

/** The largest body, in bytes: what one PUT and one buffer can hold everywhere. */
const MAX_BYTES = 2 ** 31;

/**
 * Checks a Parquet file in memory and what is said of it.
 *
 * @throws {BronzeError} `invalid_argument`, `too_large`, `not_parquet` or `ledger_range`.
 */
export async function checkBody(
  ref: PartitionRef,
  bytes: Uint8Array,
  options: PublishOptions,
): Promise<Body> {
  if (!(bytes instanceof Uint8Array)) {
    throw new BronzeError("invalid_argument", "Cannot publish this body: it is not a Uint8Array");
  }
  assertProducer(options?.producer);
  assertPasEventHash(options.pasEventHash);
  if (bytes.byteLength > MAX_BYTES) {
    throw new BronzeError(
      "too_large",
      `Cannot publish ${bytes.byteLength} bytes: the limit is ${MAX_BYTES} (2 GiB); split the range`,
    );
  }
  const footer = await readFooter(inMemory(bytes));
  assertLedgersWithin(footer, ref);
  return { bytes, rowCount: rowCountOf(footer.rowCount, options.rowCount), options };
}

function rowCountOf(told: number | undefined, given: number | undefined): number {
  if (given !== undefined && (!Number.isSafeInteger(given) || given < 0)) {
    throw new BronzeError("invalid_argument", `Cannot use ${given} as row count`);
  }
  if (told !== undefined && given !== undefined && told !== given) {
    throw new BronzeError(
      "invalid_argument",
      `Cannot publish as ${given} rows: the Parquet footer says ${told}`,
    );
  }
  const rowCount = told ?? given;
  if (rowCount === undefined) {
    throw new BronzeError(
      "invalid_argument",
      "Cannot tell the row count: the Parquet footer is encrypted; give it as rowCount (--rows)",
    );
  }
  return rowCount;
}
