/**
 * Which partition is meant, and where its two files lie.
 *
 * @module
 */
import { BronzeError } from "./errors.ts";

/** Names one partition: a range of ledgers of one table. */
export interface PartitionRef {
  /** The Stellar network, as in `pubnet`. */
  network: string;
  /** The era, as in `pre_p23`. */
  eraId: string;
  /** The version of the data, as in `v1`. */
  versionLabel: string;
  /** The table, as in `ledgers_lcm_raw`. */
  table: string;
  /** The first ledger sequence, included: an unsigned 32-bit integer. */
  ledgerStart: number;
  /** The last ledger sequence, included: an unsigned 32-bit integer. */
  ledgerEnd: number;
}

/** The keys of a partition's files, relative to the store's root, separated by `/`. */
export interface PartitionKeys {
  /** The folder that holds both files, without a slash at its end. */
  directory: string;
  /** The name of the Parquet file alone. */
  file: string;
  /** The key of the Parquet file. */
  parquet: string;
  /** The key of the manifest. */
  manifest: string;
}

const COMPONENT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const MAX_LEDGER = 0xffff_ffff;

/** Refuses a path component that could leave its place or be read differently somewhere. */
function assertComponent(what: string, value: unknown): void {
  if (typeof value !== "string" || !COMPONENT.test(value)) {
    throw new BronzeError(
      "invalid_argument",
      `Cannot use ${
        JSON.stringify(value) ?? String(value)
      } as ${what}: it takes 1 to 64 of the characters A-Z a-z 0-9 . _ - and begins with a letter or digit`,
    );
  }
}

function assertLedger(what: string, value: unknown): void {
  if (
    typeof value !== "number" || !Number.isInteger(value) || value < 0 ||
    value > MAX_LEDGER
  ) {
    throw new BronzeError(
      "invalid_argument",
      `Cannot use ${String(value)} as ${what}: it takes a whole number from 0 to ${MAX_LEDGER}`,
    );
  }
}

/** Refuses a prefix that could leave the store's root: each of its segments is a path component. */
export function assertPrefix(prefix: string): void {
  if (prefix !== "") {
    for (const segment of prefix.split("/")) assertComponent("prefix segment", segment);
  }
}

/**
 * Validates a partition's name and says where its files lie.
 *
 * The layout is the Go copier's:
 * `{prefix}/{network}/{era_id}/{version_label}/{table}/range={start}-{end}/`.
 *
 * @param ref The partition.
 * @param prefix What comes before the network, already validated; empty for nothing.
 * @returns The keys of the partition's folder and files.
 * @throws {BronzeError} `invalid_argument` when a name or a ledger sequence is not allowed.
 *
 * @example
 * ```ts
 * import { partitionKeys } from "@obsrvr/bronze-store";
 * import assert from "node:assert/strict";
 *
 * const keys = partitionKeys({
 *   network: "pubnet", eraId: "pre_p23", versionLabel: "v1",
 *   table: "ledgers_lcm_raw", ledgerStart: 0, ledgerEnd: 9999,
 * });
 * assert.equal(keys.directory, "pubnet/pre_p23/v1/ledgers_lcm_raw/range=0-9999");
 * assert.equal(keys.file, "part-0-9999.parquet");
 * ```
 */
export function partitionKeys(ref: PartitionRef, prefix = ""): PartitionKeys {
  assertComponent("network", ref.network);
  assertComponent("era", ref.eraId);
  assertComponent("version label", ref.versionLabel);
  assertComponent("table", ref.table);
  assertLedger("first ledger", ref.ledgerStart);
  assertLedger("last ledger", ref.ledgerEnd);
  if (ref.ledgerStart > ref.ledgerEnd) {
    throw new BronzeError(
      "invalid_argument",
      `Cannot use the ledgers ${ref.ledgerStart} to ${ref.ledgerEnd}: the first comes after the last`,
    );
  }
  const range = `${ref.ledgerStart}-${ref.ledgerEnd}`;
  const directory = [
    ...(prefix === "" ? [] : [prefix]),
    ref.network,
    ref.eraId,
    ref.versionLabel,
    ref.table,
    `range=${range}`,
  ].join("/");
  const file = `part-${range}.parquet`;
  return {
    directory,
    file,
    parquet: `${directory}/${file}`,
    manifest: `${directory}/_manifest.json`,
  };
}
