/**
 * Puts Bronze partitions, Parquet files of raw Stellar ledgers, into durable storage: once, whole and
 * provably unchanged.
 *
 * @example Publish a partition to a local disk
 * ```ts
 * import { openStore } from "@obsrvr/bronze-store";
 * import { parquetWriteBuffer } from "npm:hyparquet-writer";
 * import assert from "node:assert/strict";
 *
 * const base = await Deno.makeTempDir();
 * const store = openStore({ backend: "local", base });
 * const ref = {
 *   network: "pubnet", eraId: "pre_p23", versionLabel: "v1",
 *   table: "ledgers_lcm_raw", ledgerStart: 0, ledgerEnd: 9999,
 * };
 * const bytes = new Uint8Array(parquetWriteBuffer({
 *   columnData: [{ name: "ledger_sequence", data: [0n, 1n, 2n], type: "INT64" }],
 * }));
 * const producer = { name: "my-copier", version: "1.0.0", git_sha: "abc123" };
 *
 * const { status, manifest } = await store.publish(ref, bytes, { producer });
 * assert.equal(status, "created");
 * assert.equal(manifest.tables["ledgers_lcm_raw"]?.row_count, 3);
 * await Deno.remove(base, { recursive: true });
 * ```
 *
 * @module
 */
export { BronzeStore } from "./src/store.ts";
export type {
  BronzeStoreOptions,
  Inspection,
  LookOptions,
  StoreOptions,
} from "./src/store_options.ts";
export { configFromEnv, openStore } from "./src/config.ts";
export type { Environment, StorageConfig } from "./src/config.ts";
export type { PublishOptions, PublishResult, PublishStatus } from "./src/publish_options.ts";
export type { RepairResult } from "./src/complete.ts";
export type { VerifyOptions, VerifyResult } from "./src/verify.ts";
export { partitionKeys } from "./src/partition.ts";
export type { PartitionKeys, PartitionRef } from "./src/partition.ts";
export { parseManifest } from "./src/manifest.ts";
export type { Manifest, ManifestTable, ParsedManifest, Producer } from "./src/manifest.ts";
export { BronzeError, PartitionDamagedError, PartitionExistsError } from "./src/errors.ts";
export type { BronzeErrorCode, BronzeErrorOptions } from "./src/errors.ts";
export type { OnProgress, Progress, StoreEvent } from "./src/events.ts";
export type { PlainDriver } from "./src/plain_driver.ts";
export type { FsDriverOptions } from "./src/drivers/fs.ts";
export type { Credentials, CredentialsProvider, S3DriverOptions } from "./src/drivers/s3.ts";
export type {
  GcsCredentials,
  GcsCredentialsProvider,
  GcsDriverOptions,
} from "./src/drivers/gcs.ts";
