/**
 * What lies in the store where a partition belongs.
 *
 * @module
 */
import type { BlobDriver, BlobMeta } from "./drivers/driver.ts";
import { type BronzeError, hasCode } from "./errors.ts";
import {
  manifestProblems,
  type ParsedManifest,
  parseManifest,
  type SealedManifest,
  tableOf,
} from "./manifest.ts";
import { type PartitionKeys, partitionKeys, type PartitionRef } from "./partition.ts";

/** One partition in one store. */
export interface Target {
  /** The store's driver. */
  driver: BlobDriver;
  /** The partition. */
  ref: PartitionRef;
  /** Where its files lie. */
  keys: PartitionKeys;
  /** Where it lies, for people and catalogs. */
  uri: string;
}

/**
 * `absent`: nothing is there. `incomplete`: a Parquet object whose manifest is missing or, after a crash
 * in an overwrite, not yet its own. `complete`: both, and they agree as far as the store tells without
 * reading the body. `damaged`: they contradict each other. `vanished` is damage of one kind: a sound
 * manifest whose Parquet object is gone. `unknown`: the role may not look.
 */
type FoundState = "absent" | "incomplete" | "complete" | "damaged" | "vanished" | "unknown";

/** What was found. */
export interface Found {
  state: FoundState;
  /** The Parquet object, if it is there. */
  parquet: BlobMeta | null;
  /** The stored manifest, if it is there and sound. */
  manifest?: ParsedManifest | undefined;
  /** The bytes of the stored manifest, if there is one. */
  manifestBytes: Uint8Array | null;
  /** The ETag of the stored manifest. */
  manifestEtag?: string | undefined;
  /** The manifest that the Parquet object carries in its metadata. */
  carried?: SealedManifest | undefined;
  /** What is wrong, one sentence each. */
  problems: string[];
  /** Why the role may not look. */
  denied?: BronzeError | undefined;
}

/** Says where a partition lies and with which driver. */
export function targetOf(driver: BlobDriver, ref: PartitionRef, prefix: string): Target {
  const keys = partitionKeys(ref, prefix);
  return { driver, ref, keys, uri: `${driver.uri(keys.directory)}/` };
}

/** Others may write while we look: a contradiction counts when as many looks as this have not resolved it. */
const MAX_LOOKS = 5;

/**
 * Looks at both files without reading the Parquet file. The two are read at once, so that a write between
 * the two reads makes them contradict each other: a contradiction is believed when a second look, begun
 * after the first has ended, sees the same.
 */
export async function look(target: Target, signal: AbortSignal | undefined): Promise<Found> {
  let found = await lookOnce(target, signal);
  for (let looks = 1; looks < MAX_LOOKS && contradicts(found); looks++) {
    const before = found;
    found = await lookOnce(target, signal);
    if (sameSight(before, found)) return found;
  }
  return found;
}

function contradicts({ state, manifestBytes }: Found): boolean {
  return manifestBytes !== null && state !== "complete";
}

function sameSight(a: Found, b: Found): boolean {
  return a.state === b.state && a.parquet?.etag === b.parquet?.etag &&
    a.parquet?.size === b.parquet?.size && sameBytes(a.manifestBytes, b.manifestBytes);
}

/** Whether both are the same bytes, or both are missing. */
export function sameBytes(a: Uint8Array | null, b: Uint8Array | null): boolean {
  if (a === null || b === null) return a === b;
  return a.byteLength === b.byteLength && a.every((byte, index) => byte === b[index]);
}

async function lookOnce(target: Target, signal: AbortSignal | undefined): Promise<Found> {
  const { driver, keys } = target;
  let manifestEtag: string | undefined;
  const onMeta = (meta: BlobMeta) => manifestEtag = meta.etag;
  const [manifestRead, parquetRead] = await Promise.allSettled([
    driver.getItemRaw(keys.manifest, { signal, onMeta }),
    driver.getMeta(keys.parquet, { signal, bucketChecked: true }),
  ]);
  // The answer to a GET explains itself, the one to a HEAD has no body: the GET's error comes first.
  for (const read of [manifestRead, parquetRead]) {
    if (read.status === "rejected" && !hasCode(read.reason, "access_denied")) throw read.reason;
  }
  if (manifestRead.status === "rejected" || parquetRead.status === "rejected") {
    const { reason } = [manifestRead, parquetRead].find((read) =>
      read.status === "rejected"
    ) as PromiseRejectedResult;
    return {
      state: "unknown",
      parquet: null,
      manifestBytes: null,
      problems: [],
      denied: reason as BronzeError,
    };
  }
  const found = { parquet: parquetRead.value, manifestBytes: manifestRead.value, manifestEtag };
  return { ...found, ...await judge(target, found) };
}

type Judgement = Pick<Found, "state" | "manifest" | "carried" | "problems">;

async function judge(
  target: Target,
  { parquet, manifestBytes }: Pick<Found, "parquet" | "manifestBytes">,
): Promise<Judgement> {
  const problems: string[] = [];
  const carried = parquet ? await carriedBy(parquet, target.ref) : undefined;
  if (!manifestBytes) {
    return { state: parquet ? "incomplete" : "absent", carried, problems };
  }
  let manifest: ParsedManifest;
  try {
    manifest = await parseManifest(manifestBytes);
  } catch (error) {
    if (!hasCode(error, "damaged")) throw error;
    if (!parquet) problems.push(`${target.keys.file} is missing`);
    return { state: "damaged", carried, problems: [error.message, ...problems] };
  }
  problems.push(...manifestProblems(manifest.manifest, target.ref));
  if (!parquet) {
    const state = problems.length > 0 ? "damaged" : "vanished";
    return { state, manifest, problems: [...problems, `${target.keys.file} is missing`] };
  }
  const table = tableOf(manifest.manifest);
  const stored = parquet.metadata?.sha256;
  if (problems.length === 0 && carried && tableOf(carried.manifest).checksum !== table.checksum) {
    return { state: "incomplete", manifest, carried, problems };
  }
  if (parquet.size !== table.byte_size) {
    problems.push(
      `${target.keys.file} has ${parquet.size} bytes, its manifest says ${table.byte_size}`,
    );
  }
  for (const checksum of [stored && `sha256:${stored}`, parquet.checksum]) {
    if (checksum && checksum !== table.checksum) {
      problems.push(
        `${target.keys.file} is stored with ${checksum}, its manifest says ${table.checksum}`,
      );
    }
  }
  return { state: problems.length > 0 ? "damaged" : "complete", manifest, carried, problems };
}

/** Reads the manifest that an object carries; undefined unless it really is that object's. */
async function carriedBy(parquet: BlobMeta, ref: PartitionRef): Promise<Found["carried"]> {
  const { manifest: encoded, sha256 } = parquet.metadata ?? {};
  if (!encoded || !sha256) return;
  try {
    const bytes = Uint8Array.fromBase64(encoded, { alphabet: "base64url" });
    const { manifest } = await parseManifest(bytes);
    const table = tableOf(manifest);
    const own = manifestProblems(manifest, ref).length === 0 &&
      table.checksum === `sha256:${sha256}` && table.byte_size === parquet.size;
    return own ? { manifest, bytes } : undefined;
  } catch {
    return;
  }
}

/** Refuses a state of which nothing can be said. */
export function assertKnown(found: Found): void {
  if (found.denied) throw found.denied;
}
