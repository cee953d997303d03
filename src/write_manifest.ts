/**
 * The second half of a publish, on its own.
 *
 * @module
 */
import { putManifest } from "./complete.ts";
import { BronzeError, hasCode } from "./errors.ts";
import { assertKnown, look, type Target } from "./look.ts";
import {
  type Manifest,
  manifestProblems,
  parseManifest,
  seal,
  type SealedManifest,
  tableOf,
} from "./manifest.ts";
import { damagedError, existsError, notFoundError } from "./refusals.ts";
import { checksumOfStored, footerOfStored } from "./stored.ts";

/** Writes a manifest beside a stored Parquet file that it agrees with, create-only. */
export async function writeManifest(
  target: Target,
  given: Manifest,
  signal: AbortSignal | undefined,
): Promise<Manifest> {
  const { keys, ref } = target;
  const { bytes, manifest } = await sealed(given, keys.manifest);
  const table = tableOf(manifest);
  const problems = manifestProblems(manifest, ref);
  if (problems.length > 0) throw disagrees(target, problems);

  const found = await look(target, signal);
  assertKnown(found);
  if (found.state === "absent") {
    throw notFoundError(target, "write the manifest of");
  }
  if (found.state === "damaged" || found.state === "vanished") {
    throw damagedError(target, found.problems);
  }
  const parquet = found.parquet!;
  const checksum = await checksumOfStored(target, parquet, { signal });
  const { rowCount } = await footerOfStored(target, parquet, signal);
  const compared: [string, unknown, unknown][] = [
    ["checksum", table.checksum, checksum],
    ["byte_size", table.byte_size, parquet.size],
    ["row_count", table.row_count, rowCount ?? table.row_count],
  ];
  for (const [what, said, stored] of compared) {
    if (said !== stored) problems.push(`${what} is ${said}, the stored file's ${stored}`);
  }
  if (problems.length > 0) throw disagrees(target, problems);
  if (found.state === "complete") return found.manifest!.manifest;

  try {
    await putManifest(target, found, bytes, signal);
    return manifest;
  } catch (error) {
    if (!hasCode(error, "partition_exists", "unknown_outcome")) throw error;
    const now = await look(target, signal);
    const stored = now.manifest?.manifest;
    if (now.state !== "complete" || !stored) throw error;
    if (tableOf(stored).checksum === table.checksum) return stored;
    throw existsError(target, stored);
  }
}

async function sealed(given: Manifest, key: string): Promise<SealedManifest> {
  try {
    if (given.manifest_checksum === undefined) return await seal({ ...given, manifest_version: 1 });
    const bytes = new TextEncoder().encode(JSON.stringify(given, null, 2) + "\n");
    return { bytes, manifest: (await parseManifest(bytes)).manifest };
  } catch (cause) {
    throw new BronzeError(
      "invalid_argument",
      `Cannot write this manifest: ${cause instanceof Error ? cause.message : cause}`,
      { key, cause },
    );
  }
}

function disagrees({ uri, keys }: Target, problems: string[]): BronzeError {
  return new BronzeError(
    "invalid_argument",
    `Cannot write this manifest to ${uri}: ${problems.join("; ")}`,
    { key: keys.manifest },
  );
}
