/**
 * What the stored bytes themselves say, read back from the store.
 *
 * @module
 */
import { Sha256 } from "./checksum.ts";
import type { BlobMeta } from "./drivers/driver.ts";
import { BronzeError, hasCode } from "./errors.ts";
import type { OnProgress } from "./events.ts";
import type { Target } from "./look.ts";
import { type SealedManifest, sealedManifest } from "./manifest.ts";
import { assertLedgersWithin, type ParquetFooter, readFooter } from "./parquet.ts";
import { damagedError } from "./refusals.ts";
import { VERSION } from "./version.ts";

interface ReadStoredOptions {
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

/** Streams the stored Parquet object once and returns its checksum and size. */
export async function hashStored(
  { driver, keys }: Target,
  parquet: BlobMeta,
  { signal, onProgress }: ReadStoredOptions,
): Promise<{ checksum: string; byteSize: number }> {
  const stream = await driver.getItemStream(keys.parquet, { signal });
  if (!stream) throw vanished(keys.parquet);
  const hash = new Sha256();
  let loaded = 0;
  for await (const chunk of stream) {
    hash.update(chunk);
    loaded += chunk.byteLength;
    onProgress?.({ phase: "reading", loaded, total: parquet.size });
  }
  return { checksum: hash.checksum(), byteSize: loaded };
}

/** The checksum of the stored Parquet object: the one it carries, else that of its bytes. */
export async function checksumOfStored(
  target: Target,
  parquet: BlobMeta,
  options: ReadStoredOptions,
): Promise<string> {
  const carried = parquet.metadata?.sha256;
  return carried ? `sha256:${carried}` : (await hashStored(target, parquet, options)).checksum;
}

/** Reads the footer of the stored Parquet object, by ranges. */
export function footerOfStored(
  { driver, keys }: Target,
  parquet: BlobMeta,
  signal: AbortSignal | undefined,
): Promise<ParquetFooter> {
  return readFooter({
    byteLength: parquet.size,
    async slice(start, end) {
      const bytes = await driver.getItemRaw(keys.parquet, { signal, range: { start, end } });
      if (!bytes) throw vanished(keys.parquet);
      return bytes;
    },
  });
}

/**
 * Makes the manifest for a stored Parquet object that carries none: a Go copier's, or a file on a disk.
 * Its time is the object's own, and this module names itself as the producer.
 *
 * @throws {PartitionDamagedError} when what is stored is no Parquet file of this partition.
 */
export async function manifestOfStored(
  target: Target,
  parquet: BlobMeta,
  checksum: string,
  signal: AbortSignal | undefined,
): Promise<SealedManifest> {
  const { ref, keys, uri } = target;
  let footer: ParquetFooter;
  try {
    footer = await footerOfStored(target, parquet, signal);
    assertLedgersWithin(footer, ref);
  } catch (error) {
    if (!hasCode(error, "not_parquet", "ledger_range")) throw error;
    const problem = `${keys.file} has no manifest, and none can be made: ${error.message}`;
    throw damagedError(target, [problem], error);
  }
  if (footer.rowCount === undefined) {
    throw new BronzeError(
      "cannot_compare",
      `Cannot complete ${uri}: the footer of ${keys.file} is encrypted, so only the publisher of the same bytes can say how many rows it has`,
      { key: keys.parquet },
    );
  }
  return await sealedManifest({
    ref,
    checksum,
    rowCount: footer.rowCount,
    byteSize: parquet.size,
    producer: { name: "bronze-store", version: VERSION, git_sha: "unknown" },
    createdAt: parquet.mtime ?? new Date(),
  });
}

function vanished(key: string): BronzeError {
  return new BronzeError("not_found", `Cannot read "${key}": it vanished while it was looked at`, {
    key,
  });
}
