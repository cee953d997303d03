/**
 * The store of Bronze partitions.
 *
 * @module
 */
import { checkBody } from "./body.ts";
import { type RepairResult, repairStored } from "./complete.ts";
import type { BlobDriver } from "./drivers/driver.ts";
import { BronzeError, PartitionDamagedError, PartitionExistsError } from "./errors.ts";
import type { StoreEvent } from "./events.ts";
import { assertKnown, type Found, look, type Target, targetOf } from "./look.ts";
import { type Manifest, tableOf } from "./manifest.ts";
import { assertPrefix, type PartitionRef } from "./partition.ts";
import { blobDriver } from "./plain_driver.ts";
import { damagedError, notFoundError } from "./refusals.ts";
import { Publication } from "./publish.ts";
import type { PublishContext, PublishOptions, PublishResult } from "./publish_options.ts";
import { type VerifyOptions, type VerifyResult, verifyStored } from "./verify.ts";
import type { BronzeStoreOptions, Inspection, LookOptions } from "./store_options.ts";
import { writeManifest } from "./write_manifest.ts";

const WEAKER =
  "it cannot refuse a second create by itself, so two writers at the same moment may both believe that they won";

/**
 * Publishes partitions: once, whole and provably unchanged.
 *
 * @example Publish a partition, and publish it again
 * ```ts
 * import { BronzeStore } from "@obsrvr/bronze-store";
 * import fs from "@obsrvr/bronze-store/drivers/fs";
 * import { parquetWriteBuffer } from "npm:hyparquet-writer";
 * import assert from "node:assert/strict";
 *
 * const base = await Deno.makeTempDir();
 * const store = new BronzeStore({ driver: fs({ base }) });
 * const ref = {
 *   network: "pubnet", eraId: "pre_p23", versionLabel: "v1",
 *   table: "ledgers_lcm_raw", ledgerStart: 0, ledgerEnd: 9999,
 * };
 * const producer = { name: "example", version: "1.0.0", git_sha: "abc123" };
 * const bytes = new Uint8Array(parquetWriteBuffer({
 *   columnData: [{ name: "ledger_sequence", data: [0n, 1n, 2n], type: "INT64" }],
 * }));
 *
 * assert.equal((await store.publish(ref, bytes, { producer })).status, "created");
 * assert.equal((await store.publish(ref, bytes, { producer })).status, "unchanged");
 * assert.equal((await store.verify(ref)).state, "ok");
 * await Deno.remove(base, { recursive: true });
 * ```
 */
export class BronzeStore {
  readonly #driver: BlobDriver;
  readonly #prefix: string;
  readonly #allowOverwrite: boolean;
  readonly #onEvent: ((event: StoreEvent) => void) | undefined;
  #warned = false;

  /**
   * Makes a store over a driver. Nothing is read or written yet.
   *
   * @param options The driver, and what all calls share.
   * @throws {BronzeError} `invalid_config` when the driver cannot read or write raw bytes, or the prefix
   * is not allowed; `unsupported` when the driver cannot create atomically and must.
   */
  constructor(options: BronzeStoreOptions) {
    this.#driver = blobDriver(options.driver);
    this.#prefix = options.prefix ?? "";
    this.#allowOverwrite = options.allowOverwrite ?? false;
    this.#onEvent = options.onEvent;
    assertPrefix(this.#prefix);
    if (options.requireAtomicCreate && !this.#driver.createsAtomically) {
      throw new BronzeError(
        "unsupported",
        `Cannot publish with the driver "${this.#driver.name}": ${WEAKER}`,
      );
    }
  }

  /**
   * Publishes a partition. Of several publishers of one partition exactly one wins.
   *
   * @param ref The partition.
   * @param bytes The whole Parquet file, at most 2 GiB; it must not change until the call ends.
   * @param options Who publishes, and how.
   * @returns How it ended, and the manifest as it is stored.
   * @throws {PartitionExistsError} when the partition exists with other content.
   * @throws {PartitionDamagedError} when what is stored contradicts itself.
   * @throws {BronzeError} with the code of what else went wrong.
   */
  async publish(
    ref: PartitionRef,
    bytes: Uint8Array,
    options: PublishOptions,
  ): Promise<PublishResult> {
    const target = this.#target(ref);
    const context = this.#context(target);
    if (!this.#driver.createsAtomically && !this.#warned) {
      this.#warned = true;
      context.emit({ type: "warning", message: `This store is weaker than others: ${WEAKER}` });
    }
    try {
      const body = await checkBody(ref, bytes, options);
      const result = await new Publication(target, body, context).run();
      if (result.status === "unchanged" || result.status === "completed") {
        const table = tableOf(result.manifest);
        context.emit({
          type: result.status,
          file: table.file,
          byteSize: table.byte_size,
          checksum: table.checksum,
        });
      }
      return result;
    } catch (error) {
      const code = error instanceof BronzeError ? error.code : undefined;
      const type = error instanceof PartitionExistsError ? "exists" : "failed";
      context.emit({ type, code, message: error instanceof Error ? error.message : String(error) });
      throw error;
    }
  }

  /**
   * Writes the Parquet file alone, create-only: the first half of a publish.
   *
   * @param ref The partition.
   * @param bytes The whole Parquet file.
   * @param options The options of {@linkcode BronzeStore.publish}.
   * @returns The manifest that now belongs to the file, for {@linkcode BronzeStore.writeManifest}.
   * @throws {PartitionExistsError} when other content is there.
   */
  async writeParquet(
    ref: PartitionRef,
    bytes: Uint8Array,
    options: PublishOptions,
  ): Promise<Manifest> {
    const target = this.#target(ref);
    const body = await checkBody(ref, bytes, options);
    const context = { ...this.#context(target), allowOverwrite: false };
    return await new Publication(target, body, context).runParquetOnly();
  }

  /**
   * Writes the manifest alone, create-only: the second half of a publish.
   *
   * @param ref The partition.
   * @param manifest The manifest; it is sealed if it is not yet.
   * @param options How to end the call early.
   * @returns The manifest as it is stored.
   * @throws {BronzeError} `invalid_argument` when the manifest disagrees with the stored Parquet file or
   * with the partition; `not_found` when there is no Parquet file.
   * @throws {PartitionExistsError} when another manifest is there.
   */
  async writeManifest(
    ref: PartitionRef,
    manifest: Manifest,
    options: LookOptions = {},
  ): Promise<Manifest> {
    return await writeManifest(this.#target(ref), manifest, options.signal);
  }

  /**
   * Whether the partition is there, whole as far as the store tells without reading the body.
   *
   * @param ref The partition.
   * @param options How to end the call early.
   * @returns True when it is complete, false when it is absent or incomplete.
   * @throws {PartitionDamagedError} when what is stored contradicts itself.
   * @throws {BronzeError} when it cannot tell.
   */
  async exists(ref: PartitionRef, options: LookOptions = {}): Promise<boolean> {
    const inspection = await this.inspect(ref, options);
    if (inspection.state === "damaged") {
      throw new PartitionDamagedError(inspection.uri, { problems: inspection.problems });
    }
    return inspection.state === "complete";
  }

  /**
   * Says what is stored of a partition, without reading the Parquet file.
   *
   * @param ref The partition.
   * @param options How to end the call early.
   * @returns What is there. Damage is reported, not thrown.
   * @throws {BronzeError} when it cannot tell.
   */
  async inspect(ref: PartitionRef, options: LookOptions = {}): Promise<Inspection> {
    const target = this.#target(ref);
    const { state, parquet, manifest, problems } = await this.#look(target, options);
    return {
      state: state === "vanished" ? "damaged" : state as Inspection["state"],
      uri: target.uri,
      manifest: manifest?.manifest,
      sealed: manifest?.sealed,
      byteSize: parquet?.size,
      modifiedAt: parquet?.mtime,
      etag: parquet?.etag,
      version: parquet?.version,
      problems,
    };
  }

  /**
   * Reads the manifest, checked against its seal and its place.
   *
   * @param ref The partition.
   * @param options How to end the call early.
   * @returns The manifest.
   * @throws {BronzeError} `not_found` when there is none.
   * @throws {PartitionDamagedError} when it cannot be trusted.
   */
  async readManifest(ref: PartitionRef, options: LookOptions = {}): Promise<Manifest> {
    const target = this.#target(ref);
    const found = await this.#look(target, options);
    if (found.manifestBytes === null) {
      throw notFoundError(target, "read the manifest of");
    }
    if (!found.manifest || found.state === "damaged") {
      throw damagedError(target, found.problems);
    }
    return found.manifest.manifest;
  }

  /**
   * Reads the stored Parquet file and compares its bytes with the manifest.
   *
   * @param ref The partition.
   * @param options How to follow it and end it early.
   * @returns What was found, when the partition is whole.
   * @throws {BronzeError} `not_found` when nothing is there; `incomplete` when the manifest is missing.
   * @throws {PartitionDamagedError} with all that is wrong, when anything is.
   */
  async verify(ref: PartitionRef, options: VerifyOptions = {}): Promise<VerifyResult> {
    const target = this.#target(ref);
    const found = await this.#look(target, options);
    if (found.state === "absent") {
      throw notFoundError(target, "verify");
    }
    if (found.state === "incomplete") {
      throw new BronzeError(
        "incomplete",
        `Cannot verify ${target.uri}: its Parquet file is there, its manifest is not; publish the same bytes to complete it`,
        { key: target.keys.manifest },
      );
    }
    return await verifyStored(target, found, options);
  }

  /**
   * Completes a partition whose manifest is missing: byte for byte as its publisher would have, where the
   * Parquet object carries the manifest; otherwise the stored file is read, its own time is taken, and this
   * module named as the producer. A complete partition is never touched.
   *
   * @param ref The partition.
   * @param options How to follow it and end it early.
   * @returns Whether anything was missing, and the manifest as it is stored.
   * @throws {BronzeError} `not_found` when nothing is there.
   * @throws {PartitionDamagedError} when what is stored contradicts itself, or is no Parquet file.
   */
  async repair(ref: PartitionRef, options: VerifyOptions = {}): Promise<RepairResult> {
    return await repairStored(this.#target(ref), options);
  }

  /**
   * Says where a partition lies.
   *
   * @param ref The partition.
   * @returns The path or URI of its folder, with a slash at the end.
   */
  uri(ref: PartitionRef): string {
    return this.#target(ref).uri;
  }

  #target(ref: PartitionRef): Target {
    return targetOf(this.#driver, ref, this.#prefix);
  }

  async #look(target: Target, { signal }: LookOptions): Promise<Found> {
    const found = await look(target, signal);
    assertKnown(found);
    return found;
  }

  #context({ ref, uri }: Target): PublishContext {
    const began = performance.now();
    return {
      allowOverwrite: this.#allowOverwrite,
      emit: (event) =>
        this.#onEvent?.({
          ref,
          uri,
          backend: this.#driver.name,
          seconds: (performance.now() - began) / 1000,
          ...event,
        }),
    };
  }
}
