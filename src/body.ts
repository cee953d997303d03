/**
 * The checks on what is to be published, before anything is written.
 *
 * @module
 */
import { BronzeError } from "./errors.ts";
import type { Producer } from "./manifest.ts";
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
export const MAX_BYTES = 2 ** 31;

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

// The whole manifest travels in an object's metadata, of which S3 takes 2 KB: the limits of its parts see
// to it that the largest fits (https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html).

/** Refuses a producer that could not travel in an object's metadata. */
function assertProducer(producer: unknown): asserts producer is Producer {
  const fields = producer as Record<string, unknown> | null | undefined;
  for (const name of ["name", "version", "git_sha"]) {
    const value = fields?.[name];
    if (typeof value !== "string" || !/^[\x20-\x7e]{1,128}$/.test(value)) {
      throw new BronzeError(
        "invalid_argument",
        `Cannot use ${
          JSON.stringify(value) ?? "nothing"
        } as producer ${name}: it takes 1 to 128 printable ASCII characters`,
      );
    }
  }
}

/** Refuses a PAS event hash that could not travel in an object's metadata. */
function assertPasEventHash(hash: unknown): void {
  if (hash === undefined) return;
  if (typeof hash !== "string" || !/^[\x21-\x7e]{1,80}$/.test(hash)) {
    throw new BronzeError(
      "invalid_argument",
      `Cannot use ${
        JSON.stringify(hash)
      } as PAS event hash: it takes 1 to 80 printable ASCII characters without spaces, as in sha256: and 64 hex digits`,
    );
  }
}
