/**
 * The errors that say what lies where a partition was to go.
 *
 * @module
 */
import { BronzeError, PartitionDamagedError, PartitionExistsError } from "./errors.ts";
import type { Target } from "./look.ts";
import { type Manifest, tableOf } from "./manifest.ts";

/** Other content is there. */
export function existsError({ uri, keys }: Target, manifest: Manifest): PartitionExistsError {
  const { checksum, row_count, byte_size } = tableOf(manifest);
  return new PartitionExistsError(
    `Cannot publish to ${uri}: it holds other content, ${checksum} with ${row_count} rows and ${byte_size} bytes; it was not changed`,
    { key: keys.parquet, manifest },
  );
}

/** What is there contradicts itself. */
export function damagedError(
  { uri, keys }: Target,
  problems: readonly string[],
  cause?: unknown,
): PartitionDamagedError {
  return new PartitionDamagedError(uri, { key: keys.directory, problems, cause });
}

/** Nothing is there. */
export function notFoundError({ uri, keys }: Target, action: string): BronzeError {
  return new BronzeError("not_found", `Cannot ${action} ${uri}: nothing is there`, {
    key: keys.directory,
  });
}

/** A role that may not read can create, but it cannot tell its own bytes from others'. */
export function cannotCompareError({ uri, keys }: Target, cause: unknown): BronzeError {
  return new BronzeError(
    "cannot_compare",
    `Cannot tell what is stored in ${uri}: this role may not read there; grant it s3:GetObject and s3:ListBucket, or the store's equivalent, to compare`,
    { key: keys.parquet, cause },
  );
}

/** The store refused to create what is not there: it is between two states, and the next look can tell. */
export function goneError({ uri, keys }: Target, cause: unknown): BronzeError {
  return new BronzeError(
    "conflict",
    `Cannot publish to ${uri}: the store said that it exists already, and then that nothing is there; publish again`,
    { key: keys.parquet, cause },
  );
}
