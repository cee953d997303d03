/**
 * Whether a stored partition still is what its manifest says.
 *
 * @module
 */
import { hasCode } from "./errors.ts";
import type { OnProgress } from "./events.ts";
import type { Found, Target } from "./look.ts";
import { type Manifest, tableOf } from "./manifest.ts";
import { damagedError } from "./refusals.ts";
import { footerOfStored, hashStored } from "./stored.ts";

/** Options of {@linkcode BronzeStore.verify}. */
export interface VerifyOptions {
  /**
   * Ends the verification when it is aborted.
   *
   * @default {undefined}
   */
  signal?: AbortSignal | undefined;
  /**
   * Told how far it has come.
   *
   * @default {undefined}
   */
  onProgress?: OnProgress | undefined;
}

/** What {@linkcode BronzeStore.verify} returns of a partition that is whole. */
export interface VerifyResult {
  /** `ok`, or `unsealed` where the manifest is a Go copier's, which has no seal. */
  state: "ok" | "unsealed";
  /** Where the partition lies, with a slash at the end. */
  uri: string;
  /** The manifest as it is stored. */
  manifest: Manifest;
  /** The checksum of the stored bytes, as `sha256:` and 64 hex digits. */
  checksum: string;
}

/** Reads the stored Parquet file once and compares it with all that is said of it. */
export async function verifyStored(
  target: Target,
  found: Found,
  options: VerifyOptions,
): Promise<VerifyResult> {
  const problems = [...found.problems];
  const { parquet, manifest } = found;
  let checksum = "";
  if (parquet && manifest) {
    const table = tableOf(manifest.manifest);
    const stored = await hashStored(target, parquet, options);
    checksum = stored.checksum;
    if (checksum !== table.checksum) {
      problems.push(
        `${target.keys.file} hashes to ${checksum}, its manifest says ${table.checksum}`,
      );
    }
    try {
      const { rowCount } = await footerOfStored(target, parquet, options.signal);
      if (rowCount !== undefined && rowCount !== table.row_count) {
        problems.push(
          `${target.keys.file} has ${rowCount} rows, its manifest says ${table.row_count}`,
        );
      }
    } catch (error) {
      if (!hasCode(error, "not_parquet")) throw error;
      problems.push(`${target.keys.file} is not whole: ${error.message}`);
    }
  }
  if (!manifest || problems.length > 0) {
    throw damagedError(target, problems);
  }
  return {
    state: manifest.sealed ? "ok" : "unsealed",
    uri: target.uri,
    manifest: manifest.manifest,
    checksum,
  };
}
