/**
 * The manifest that lies beside each Parquet file, and its seal.
 *
 * @module
 */
import { crypto } from "@std/crypto";
import { BronzeError } from "./errors.ts";
import { partitionKeys, type PartitionRef } from "./partition.ts";

/** Who wrote a partition. */
export interface Producer {
  /** The program's name. */
  name: string;
  /** The program's version. */
  version: string;
  /** The commit the program was built from. */
  git_sha: string;
}

/** What a manifest says of one table's Parquet file. */
export interface ManifestTable {
  /** The name of the Parquet file, beside the manifest. */
  file: string;
  /** `sha256:` and the 64 hex digits of the file's SHA-256. */
  checksum: string;
  /** The number of rows in the file. */
  row_count: number;
  /** The file's size in bytes. */
  byte_size: number;
}

/** `_manifest.json`, verbatim. Members that this version does not know are kept. */
export interface Manifest {
  /** The partition that the manifest belongs to. */
  partition: {
    /** The first ledger sequence. */
    start: number;
    /** The last ledger sequence. */
    end: number;
    /** The era. */
    era_id: string;
    /** The version label. */
    version: string;
    /** The network. */
    network: string;
  };
  /** The one table of the partition, by name. */
  tables: Record<string, ManifestTable>;
  /** Who wrote it. */
  producer: Producer;
  /** Links the partition to its PAS event. */
  pas_event_hash?: string;
  /** When it was written, RFC 3339 in UTC. */
  created_at: string;
  /** The version of this format; the Go copier writes none. */
  manifest_version?: number;
  /** Seals the manifest: the SHA-256 of its own bytes with these 64 digits as zeros. */
  manifest_checksum?: string;
}

const CHECKSUM = /^sha256:[0-9a-f]{64}$/;
const SEAL = /("manifest_checksum": ?"sha256:)([0-9a-f]{64})(?=")/g;
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

/** What a manifest is made from. */
interface ManifestParts {
  ref: PartitionRef;
  checksum: string;
  rowCount: number;
  byteSize: number;
  producer: Producer;
  pasEventHash?: string | undefined;
  createdAt: Date;
}

/** A manifest with the very bytes that are stored. */
export interface SealedManifest {
  manifest: Manifest;
  bytes: Uint8Array;
}

/** Makes a manifest and seals it. */
export function sealedManifest(parts: ManifestParts): Promise<SealedManifest> {
  const { ref, producer } = parts;
  return seal({
    partition: {
      start: ref.ledgerStart,
      end: ref.ledgerEnd,
      era_id: ref.eraId,
      version: ref.versionLabel,
      network: ref.network,
    },
    tables: {
      [ref.table]: {
        file: partitionKeys(ref).file,
        checksum: parts.checksum,
        row_count: parts.rowCount,
        byte_size: parts.byteSize,
      },
    },
    producer: { name: producer.name, version: producer.version, git_sha: producer.git_sha },
    ...(parts.pasEventHash === undefined ? {} : { pas_event_hash: parts.pasEventHash }),
    created_at: parts.createdAt.toISOString().replace(/\.\d+Z$/, "Z"),
    manifest_version: 1,
  });
}

/**
 * Serialises a manifest in the stored form and seals it, replacing a seal that it had.
 *
 * @param manifest The manifest, its members in the order in which they are to be written.
 * @returns The manifest with its seal, and its bytes: two-space indented, with a newline at the end.
 */
export async function seal(manifest: Manifest): Promise<SealedManifest> {
  const { manifest_checksum: _, ...unsealed } = manifest;
  const zeroed = JSON.stringify(
    { ...unsealed, manifest_checksum: `sha256:${"0".repeat(64)}` },
    null,
    2,
  ) + "\n";
  const digits = await sealOf(zeroed);
  return {
    manifest: { ...unsealed, manifest_checksum: `sha256:${digits}` },
    bytes: new TextEncoder().encode(zeroed.replace(SEAL, `$1${digits}`)),
  };
}

/** A manifest that was read, and whether it is sealed (the Go copier's are not). */
export interface ParsedManifest {
  /** The manifest, unknown members included. */
  manifest: Manifest;
  /** Whether the manifest has a seal; one that does not hold is refused. */
  sealed: boolean;
}

/**
 * Reads a manifest and checks its form and its seal.
 *
 * The seal is the SHA-256 of the file's own bytes with the 64 digits of
 * `manifest_checksum` as zeros, so `sed` and `sha256sum` can check it too.
 *
 * @param bytes The content of `_manifest.json`.
 * @returns The manifest, and whether it is sealed.
 * @throws {BronzeError} `damaged` when it is no manifest or its seal does not hold;
 * `unsupported` when a later version of this module wrote it.
 *
 * @example
 * ```ts
 * import { parseManifest } from "@obsrvr/bronze-store";
 * import assert from "node:assert/strict";
 *
 * await assert.rejects(parseManifest(new TextEncoder().encode("{}")), { code: "damaged" });
 * ```
 */
export async function parseManifest(bytes: Uint8Array): Promise<ParsedManifest> {
  let text: string;
  let value: unknown;
  try {
    // A byte order mark belongs to the sealed bytes: it must not be dropped silently.
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
  } catch (cause) {
    throw new BronzeError("damaged", "Cannot read the manifest: it is not JSON in UTF-8", {
      cause,
    });
  }
  const problem = shapeProblem(value);
  if (problem) throw new BronzeError("damaged", `Cannot read the manifest: ${problem}`);
  const manifest = value as Manifest;
  const sealed = manifest.manifest_checksum !== undefined ||
    manifest.manifest_version !== undefined;
  if (sealed) {
    const seals = [...text.matchAll(SEAL)];
    const zeroed = text.replace(SEAL, `$1${"0".repeat(64)}`);
    if (seals.length !== 1 || seals[0]?.[2] !== await sealOf(zeroed)) {
      throw new BronzeError(
        "damaged",
        `Cannot trust the manifest: its seal ${
          JSON.stringify(manifest.manifest_checksum) ?? "(none)"
        } does not hold, so it was changed after it was written`,
      );
    }
    if (manifest.manifest_version !== 1) {
      throw new BronzeError(
        "unsupported",
        `Cannot read the manifest: its version is ${manifest.manifest_version}, this module reads 1; use a newer one`,
      );
    }
  }
  return { manifest, sealed };
}

/**
 * Says where a manifest contradicts the place where it lies.
 *
 * @param manifest A manifest that was read.
 * @param ref The partition that it lies in.
 * @returns One sentence for each contradiction; none when it belongs there.
 */
export function manifestProblems(manifest: Manifest, ref: PartitionRef): string[] {
  const { partition } = manifest;
  const expected: [string, unknown, unknown][] = [
    ["partition.start", partition.start, ref.ledgerStart],
    ["partition.end", partition.end, ref.ledgerEnd],
    ["partition.era_id", partition.era_id, ref.eraId],
    ["partition.version", partition.version, ref.versionLabel],
    ["partition.network", partition.network, ref.network],
    ["tables", Object.keys(manifest.tables).join(), ref.table],
    ["file", Object.values(manifest.tables)[0]?.file, partitionKeys(ref).file],
  ];
  return expected.filter(([, actual, wanted]) => actual !== wanted).map(([what, actual, wanted]) =>
    `The manifest says ${what} ${JSON.stringify(actual)} but lies where it is ${
      JSON.stringify(wanted)
    }`
  );
}

/** The entry of the manifest's one table. */
export function tableOf(manifest: Manifest): ManifestTable {
  const [table] = Object.values(manifest.tables);
  if (!table) throw new TypeError("A manifest that was parsed has a table");
  return table;
}

async function sealOf(zeroed: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(zeroed));
  return new Uint8Array(digest).toHex();
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** What keeps `value` from being a manifest, or undefined. */
function shapeProblem(value: unknown): string | undefined {
  if (!isRecord(value)) return "it is not a JSON object";
  const { partition, tables, producer } = value;
  if (!isRecord(partition)) return "partition is not an object";
  for (const name of ["start", "end"]) {
    if (!isCount(partition[name])) return `partition.${name} is not a ledger sequence`;
  }
  for (const name of ["era_id", "version", "network"]) {
    if (typeof partition[name] !== "string") return `partition.${name} is not a string`;
  }
  if (!isRecord(tables) || Object.keys(tables).length !== 1) {
    return "tables does not hold one table";
  }
  const [table] = Object.values(tables);
  if (!isRecord(table) || typeof table.file !== "string") return "the table names no file";
  if (typeof table.checksum !== "string" || !CHECKSUM.test(table.checksum)) {
    return `the table's checksum ${JSON.stringify(table.checksum)} is not a SHA-256`;
  }
  if (!isCount(table.row_count)) return "the table's row_count is not a whole number";
  if (!isCount(table.byte_size)) return "the table's byte_size is not a whole number";
  if (!isRecord(producer)) return "producer is not an object";
  for (const name of ["name", "version", "git_sha"]) {
    if (typeof producer[name] !== "string") return `producer.${name} is not a string`;
  }
  if (value.pas_event_hash !== undefined && typeof value.pas_event_hash !== "string") {
    return "pas_event_hash is not a string";
  }
  const { created_at } = value;
  if (
    typeof created_at !== "string" || !RFC_3339.test(created_at) ||
    Number.isNaN(Date.parse(created_at))
  ) return `created_at ${JSON.stringify(created_at)} is not a time`;
}
