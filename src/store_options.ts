/**
 * What a store takes and tells.
 *
 * @module
 */
import type { StoreEvent } from "./events.ts";
import type { Manifest } from "./manifest.ts";
import type { PlainDriver } from "./plain_driver.ts";

/** Options of every store, whatever its backend. */
export interface StoreOptions {
  /**
   * What comes before the network in every key, without slashes at its ends.
   *
   * @default {""}
   */
  prefix?: string | undefined;
  /**
   * Whether a publish may replace other content.
   *
   * @default {false}
   */
  allowOverwrite?: boolean | undefined;
  /**
   * Whether to refuse a driver that cannot refuse a second writer by itself, instead of warning.
   *
   * @default {false}
   */
  requireAtomicCreate?: boolean | undefined;
  /**
   * Told of everything that happens, for logs and metrics.
   *
   * @default {undefined}
   */
  onEvent?: ((event: StoreEvent) => void) | undefined;
}

/** Options of {@linkcode BronzeStore}. */
export interface BronzeStoreOptions extends StoreOptions {
  /** An unstorage driver with `getItemRaw` and `setItemRaw`; this module's create atomically. */
  driver: PlainDriver;
}

/** Options of the calls that only look. */
export interface LookOptions {
  /**
   * Ends the call when it is aborted.
   *
   * @default {undefined}
   */
  signal?: AbortSignal | undefined;
}

/** What {@linkcode BronzeStore.inspect} returns. */
export interface Inspection {
  /**
   * `absent`: nothing is there. `incomplete`: the Parquet file is, its manifest is not; publishing the
   * same bytes completes it. `complete`: both are and agree as far as the store tells without reading
   * the body. `damaged`: they contradict each other.
   */
  state: "absent" | "incomplete" | "complete" | "damaged";
  /** Where the partition lies, with a slash at the end. */
  uri: string;
  /** The manifest, if a sound one is stored. */
  manifest: Manifest | undefined;
  /** Whether that manifest has a seal; the Go copier's have none. */
  sealed: boolean | undefined;
  /** The Parquet file's size in bytes, if it is there. */
  byteSize: number | undefined;
  /** When the Parquet file was written, as the store tells it. */
  modifiedAt: Date | undefined;
  /** The Parquet object's ETag, where the store tells it. */
  etag: string | undefined;
  /** The Parquet object's version or generation, where the store keeps them. */
  version: string | undefined;
  /** What is wrong, one sentence each. */
  problems: string[];
}
