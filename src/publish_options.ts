/**
 * What a publish takes and returns.
 *
 * @module
 */
import type { OnProgress, StoreEvent } from "./events.ts";
import type { Manifest, Producer } from "./manifest.ts";

/** Options of {@linkcode BronzeStore.publish}. */
export interface PublishOptions {
  /** Who publishes, kept in the manifest. */
  producer: Producer;
  /**
   * The number of rows, needed only where the Parquet footer is encrypted and cannot tell.
   *
   * @default {undefined}
   */
  rowCount?: number | undefined;
  /**
   * Links the partition to its PAS event, kept in the manifest.
   *
   * @default {undefined}
   */
  pasEventHash?: string | undefined;
  /**
   * Ends the publish when it is aborted.
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

/**
 * How a publish ended. `created`: it wrote the partition. `unchanged`: the same bytes were there already,
 * nothing was written. `completed`: the same bytes were there, one of the two files was missing and was
 * written. `overwritten`: it replaced other content, as `allowOverwrite` permits.
 */
export type PublishStatus = "created" | "unchanged" | "completed" | "overwritten";

/** What {@linkcode BronzeStore.publish} returns. */
export interface PublishResult {
  /** How it ended. */
  status: PublishStatus;
  /** Where the partition lies, with a slash at the end. */
  uri: string;
  /** The manifest as it is stored. */
  manifest: Manifest;
  /** The stored manifest's `manifest_checksum`, for a catalog or a PAS event; the Go copier's have none. */
  manifestChecksum: string | undefined;
  /** The Parquet object's ETag, where the store tells it. */
  etag: string | undefined;
  /** The Parquet object's version or generation, where the store keeps them. */
  version: string | undefined;
  /** Whether the stored manifest names another PAS event than the one given. */
  pasEventHashDiffers: boolean;
}

/** What a publish takes from its store. */
export interface PublishContext {
  allowOverwrite: boolean;
  emit: (event: Pick<StoreEvent, "type"> & Partial<StoreEvent>) => void;
}
