/**
 * What a store tells of its work while it works.
 *
 * @module
 */
import type { BronzeErrorCode } from "./errors.ts";
import type { PartitionRef } from "./partition.ts";

/** One thing that happened to one partition, from which logs and metrics are made. */
export interface StoreEvent {
  /**
   * What happened. `writing` begins a write, `wrote` ends that of one file; `unchanged`, `completed`,
   * `exists` and `failed` end a publish that wrote no Parquet file; `warning` says that a promise is weaker.
   */
  type: "writing" | "wrote" | "unchanged" | "completed" | "exists" | "failed" | "warning";
  /** The partition. */
  ref: PartitionRef;
  /** Where the partition lies. */
  uri: string;
  /** The name of the driver. */
  backend: string;
  /** Seconds since the publish began. */
  seconds: number;
  /** The name of the file that was written or found. */
  file?: string | undefined;
  /** The size of that file in bytes. */
  byteSize?: number | undefined;
  /** The checksum of that file, as `sha256:` and 64 hex digits. */
  checksum?: string | undefined;
  /** Why it failed. */
  code?: BronzeErrorCode | undefined;
  /** What a person should know of a failure or a warning. */
  message?: string | undefined;
}

/** How far an operation on one body has come. */
export interface Progress {
  /** `hashing` reads the body in memory, `sending` writes it to the store, `reading` reads it back. */
  phase: "hashing" | "sending" | "reading";
  /** Bytes done so far in this phase. It only grows, and ends at `total`. */
  loaded: number;
  /** Bytes in all. */
  total: number;
}

/** Told of progress, at most once for each chunk of a few MiB. */
export type OnProgress = (progress: Progress) => void;
