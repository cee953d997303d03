/**
 * The publish protocol: one winner, nothing half visible, nothing stuck.
 *
 * @module
 */
import type { Body } from "./body.ts";
import { putManifest } from "./complete.ts";
import type { BlobMeta, BodyDigest, WriteOptions } from "./drivers/driver.ts";
import { BronzeError, hasCode, throwIfAborted } from "./errors.ts";
import { type Found, look, sameBytes, type Target } from "./look.ts";
import { type Manifest, type SealedManifest, sealedManifest, tableOf } from "./manifest.ts";
import type { PublishContext, PublishResult, PublishStatus } from "./publish_options.ts";
import { cannotCompareError, damagedError, existsError, goneError } from "./refusals.ts";
import { checksumOfStored, hashStored, manifestOfStored } from "./stored.ts";

/** After so many refused or unknown writes a publish gives up; each one was answered by a look. */
const MAX_WRITES = 3;

/** A write that ended so may have happened, or another's has: a look tells. */
const UNDECIDED = ["partition_exists", "unknown_outcome", "conflict", "throttled"] as const;

/** One attempt to make a partition hold one body. */
export class Publication {
  #target: Target;
  #body: Body;
  #context: PublishContext;
  #digest: BodyDigest | undefined;
  #draft: SealedManifest | undefined;
  /** What this attempt did, or may have done: what it found later can be its own work. */
  #wrote: PublishStatus | undefined;
  #parquet: BlobMeta | undefined;

  constructor(target: Target, body: Body, context: PublishContext) {
    this.#target = target;
    this.#body = body;
    this.#context = context;
  }

  /** Looks, settles what it finds, writes, and answers each refusal or lost answer by another look. */
  async run(): Promise<PublishResult> {
    const { signal } = this.#body.options;
    throwIfAborted(signal, this.#target.keys.directory);
    let found = await look(this.#target, signal);
    for (let writes = 1;; writes++) {
      const settled = await this.#settle(found);
      if (settled) return settled;
      try {
        return await this.#write(found);
      } catch (error) {
        found = await this.#lookAfter(error);
        if (writes === MAX_WRITES) throw error;
      }
    }
  }

  /** Writes the Parquet object alone, create-only; returns the manifest that now belongs to it. */
  async runParquetOnly(): Promise<Manifest> {
    let found = await look(this.#target, this.#body.options.signal);
    if (found.state === "absent" || found.state === "unknown") {
      try {
        const draft = await this.#drafted();
        await this.#putParquet(draft.bytes);
        return draft.manifest;
      } catch (error) {
        found = await this.#lookAfter(error);
      }
    }
    if (found.state !== "incomplete") {
      const settled = await this.#settle(found);
      if (settled) return settled.manifest;
    }
    const missing = await this.#missingManifest(found);
    if (!await this.#isSame(missing.manifest)) await this.#completeManifest(found, missing);
    return missing.manifest;
  }

  /** Ends the publish where what was found allows it; undefined where a write has to come. */
  async #settle(found: Found): Promise<PublishResult | undefined> {
    switch (found.state) {
      case "absent":
        return;
      case "unknown":
        if (this.#target.driver.createsAtomically) return;
        throw cannotCompareError(this.#target, found.denied);
      case "damaged":
        throw damagedError(this.#target, found.problems);
      case "vanished":
        return await this.#restoreParquet(found);
      case "incomplete":
        return await this.#completeManifest(found, await this.#missingManifest(found));
      case "complete":
        return await this.#settleComplete(found, found.manifest!.manifest);
    }
  }

  /** Says how a partition that is complete came to be so, if it holds our bytes. */
  async #settleComplete(found: Found, manifest: Manifest): Promise<PublishResult | undefined> {
    const { driver, keys } = this.#target;
    if (!await this.#isSame(manifest)) {
      if (this.#context.allowOverwrite) return;
      throw existsError(this.#target, manifest);
    }
    await driver.flush?.([keys.parquet, keys.manifest]);
    const ours = this.#draft && sameBytes(this.#draft.bytes, found.manifestBytes);
    return this.#result((ours && this.#wrote) || "unchanged", manifest, found.parquet);
  }

  /** A Parquet object that vanished from beside its manifest is created again from the same bytes. */
  async #restoreParquet(found: Found): Promise<PublishResult | undefined> {
    const { manifest } = found.manifest!;
    if (!await this.#isSame(manifest)) throw damagedError(this.#target, found.problems);
    this.#context.emit({ type: "writing" });
    try {
      await this.#putParquet(found.manifestBytes!);
    } catch (error) {
      return await this.#settleAfter(error);
    }
    return this.#result("completed", manifest, this.#parquet);
  }

  /** Writes the manifest that belongs to the Parquet object found, whoever wrote that. */
  async #completeManifest(
    found: Found,
    { bytes, manifest }: SealedManifest,
  ): Promise<PublishResult | undefined> {
    const same = await this.#isSame(manifest);
    if (!same && this.#context.allowOverwrite) return;
    try {
      await putManifest(this.#target, found, bytes, this.#body.options.signal);
    } catch (error) {
      return await this.#settleAfter(error);
    }
    this.#emitWrote("_manifest.json");
    if (!same) throw existsError(this.#target, manifest);
    return this.#result(this.#wrote ?? "completed", manifest, found.parquet);
  }

  /** A partition that was found short of one file, and that somebody has completed meanwhile: maybe we. */
  async #settleAfter(error: unknown): Promise<PublishResult | undefined> {
    const found = await this.#lookAfter(error);
    if (found.state !== "complete") throw error;
    return await this.#settle(found);
  }

  /** The manifest that the Parquet object carries, else one made for it: ours if the bytes are ours. */
  async #missingManifest(found: Found): Promise<SealedManifest> {
    if (found.carried) return found.carried;
    const { signal, onProgress } = this.#body.options;
    const { checksum } = await hashStored(this.#target, found.parquet!, { signal, onProgress });
    if (checksum === await this.#hash()) return await this.#drafted();
    return await manifestOfStored(this.#target, found.parquet!, checksum, signal);
  }

  /** Writes both files, as new ones or in the place of exactly those that were found. */
  async #write(found: Found): Promise<PublishResult> {
    const { driver, keys } = this.#target;
    const { bytes, options } = this.#body;
    const replacing = found.parquet !== null;
    const etag = found.parquet?.etag;
    this.#wrote = replacing ? "overwritten" : "created";
    this.#context.emit({ type: "writing" });
    if (driver.setPair) {
      await driver.setPair({
        body: { key: keys.parquet, value: bytes },
        describe: async (checksum) => {
          this.#digest = { checksum };
          return { key: keys.manifest, value: (await this.#drafted()).bytes };
        },
        replace: replacing ? { body: etag!, description: found.manifestEtag } : undefined,
      }, { signal: options.signal, onProgress: this.#progress("sending"), onMeta: this.#onMeta });
      this.#emitWrote(keys.file, this.#body.bytes.byteLength);
    } else {
      const draft = await this.#drafted();
      await this.#putParquet(
        draft.bytes,
        replacing ? replacementOf(etag) : {},
      );
      await driver.setItemRaw(keys.manifest, draft.bytes, {
        signal: options.signal,
        ...(found.manifestBytes === null ? {} : replacementOf(found.manifestEtag)),
      });
    }
    this.#emitWrote("_manifest.json");
    const { manifest } = await this.#drafted();
    return this.#result(this.#wrote, manifest, this.#parquet);
  }

  async #putParquet(manifest: Uint8Array, replace: WriteOptions = {}): Promise<void> {
    const { driver, keys } = this.#target;
    const checksum = await this.#hash();
    await driver.setItemRaw(keys.parquet, this.#body.bytes, {
      ...replace,
      signal: this.#body.options.signal,
      onProgress: this.#progress("sending"),
      onMeta: this.#onMeta,
      digest: this.#digest,
      metadata: {
        sha256: checksum.slice("sha256:".length),
        manifest: manifest.toBase64({ alphabet: "base64url", omitPadding: true }),
      },
    });
    if (!driver.createsAtomically) await this.#confirmParquet(checksum);
    this.#emitWrote(keys.file, this.#body.bytes.byteLength);
  }

  /** Without an atomic create another writer's bytes may have landed over ours: they must not pass for ours. */
  async #confirmParquet(checksum: string): Promise<void> {
    const { driver, keys } = this.#target;
    const { signal } = this.#body.options;
    const stored = await driver.getMeta(keys.parquet, { signal });
    if (!stored || await checksumOfStored(this.#target, stored, { signal }) !== checksum) {
      throw new BronzeError(
        "partition_exists",
        `Cannot create "${keys.parquet}": another writer's bytes lie there`,
        { key: keys.parquet },
      );
    }
  }

  /** Looks again after a write that was refused or whose answer was lost; throws where that decides nothing. */
  async #lookAfter(error: unknown): Promise<Found> {
    const { signal } = this.#body.options;
    if (!hasCode(error, ...UNDECIDED) || signal?.aborted) throw error;
    // Whatever keeps us from looking, an unknown outcome stays unknown, and another attempt can tell.
    const found = await look(this.#target, signal).catch((cause) => {
      throw error.code === "partition_exists" ? cause : error;
    });
    if (found.state === "unknown") throw cannotCompareError(this.#target, found.denied);
    if (found.state === "absent") {
      throw error.code === "partition_exists" ? goneError(this.#target, error) : error;
    }
    if (error.code === "conflict") {
      const ours = found.carried && await this.#isSame(found.carried.manifest);
      if (!ours) throw error;
    }
    return found;
  }

  async #isSame(manifest: Manifest): Promise<boolean> {
    const table = tableOf(manifest);
    return table.byte_size === this.#body.bytes.byteLength &&
      table.row_count === this.#body.rowCount && table.checksum === await this.#hash();
  }

  async #hash(): Promise<string> {
    this.#digest ??= await this.#target.driver.digest(this.#body.bytes, {
      signal: this.#body.options.signal,
      onProgress: this.#progress("hashing"),
    });
    return this.#digest.checksum;
  }

  async #drafted(): Promise<SealedManifest> {
    const { bytes, rowCount, options } = this.#body;
    return this.#draft ??= await sealedManifest({
      ref: this.#target.ref,
      checksum: await this.#hash(),
      rowCount,
      byteSize: bytes.byteLength,
      producer: options.producer,
      pasEventHash: options.pasEventHash,
      createdAt: new Date(),
    });
  }

  #progress(phase: "hashing" | "sending"): ((loaded: number) => void) | undefined {
    const { onProgress } = this.#body.options;
    const total = this.#body.bytes.byteLength;
    return onProgress && ((loaded) => onProgress({ phase, loaded, total }));
  }

  #onMeta = (meta: BlobMeta): void => void (this.#parquet = meta);

  #emitWrote(file: string, byteSize?: number): void {
    const checksum = byteSize === undefined ? undefined : this.#digest?.checksum;
    this.#context.emit({ type: "wrote", file, byteSize, checksum });
  }

  #result(
    status: PublishStatus,
    manifest: Manifest,
    parquet: BlobMeta | null | undefined,
  ): PublishResult {
    const { pasEventHash } = this.#body.options;
    return {
      status,
      uri: this.#target.uri,
      manifest,
      manifestChecksum: manifest.manifest_checksum,
      etag: parquet?.etag,
      version: parquet?.version,
      pasEventHashDiffers: pasEventHash !== undefined && manifest.pas_event_hash !== pasEventHash,
    };
  }
}

/** Replaces exactly what was seen, where the driver could name it. */
function replacementOf(etag: string | undefined): WriteOptions {
  return etag === undefined ? { overwrite: true } : { ifMatch: etag };
}
