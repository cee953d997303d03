/**
 * The manifest of a Parquet file that is there without one.
 *
 * @module
 */
import { hasCode } from "./errors.ts";
import { assertKnown, type Found, look, type Target } from "./look.ts";
import type { Manifest, SealedManifest } from "./manifest.ts";
import { damagedError, notFoundError } from "./refusals.ts";
import { hashStored, manifestOfStored } from "./stored.ts";
import type { VerifyOptions } from "./verify.ts";

/** What {@linkcode BronzeStore.repair} returns. */
export interface RepairResult {
  /** `completed`: the manifest was missing and was written. `unchanged`: nothing was missing. */
  status: "completed" | "unchanged";
  /** Where the partition lies, with a slash at the end. */
  uri: string;
  /** The manifest as it is stored. */
  manifest: Manifest;
}

/** Writes a manifest beside the Parquet file that was found, or over the stale one of an overwrite. */
export async function putManifest(
  { driver, keys }: Target,
  found: Found,
  bytes: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<void> {
  await driver.setItemRaw(keys.manifest, bytes, {
    signal,
    given: { key: keys.parquet, etag: found.parquet?.etag ?? "" },
    ...(found.manifestBytes ? { ifMatch: found.manifestEtag } : {}),
  });
  await driver.flush?.([keys.parquet]);
}

/** Completes a partition from what is stored of it alone, and never touches a complete one. */
export async function repairStored(target: Target, options: VerifyOptions): Promise<RepairResult> {
  const { signal } = options;
  const { uri } = target;
  const found = await look(target, signal);
  assertKnown(found);
  switch (found.state) {
    case "absent":
      throw notFoundError(target, "repair");
    case "damaged":
    case "vanished":
      throw damagedError(target, found.problems);
    case "complete":
      return { status: "unchanged", uri, manifest: found.manifest!.manifest };
  }
  const { bytes, manifest } = found.carried ?? await made(target, found, options);
  try {
    await putManifest(target, found, bytes, signal);
    return { status: "completed", uri, manifest };
  } catch (error) {
    if (!hasCode(error, "partition_exists", "conflict", "unknown_outcome")) throw error;
    const now = await look(target, signal);
    if (now.state !== "complete") throw error;
    return { status: "unchanged", uri, manifest: now.manifest!.manifest };
  }
}

async function made(
  target: Target,
  found: Found,
  options: VerifyOptions,
): Promise<SealedManifest> {
  const { checksum } = await hashStored(target, found.parquet!, options);
  return await manifestOfStored(target, found.parquet!, checksum, options.signal);
}
