/**
 * What can go wrong: one error class, told apart by its `code`.
 *
 * @module
 */
import type { Manifest } from "./manifest.ts";

/** Every {@linkcode BronzeErrorCode} with the exit status that the command line gives it. */
export const EXIT_STATUS = {
  invalid_argument: 2,
  invalid_config: 2,
  not_parquet: 2,
  too_large: 2,
  ledger_range: 2,
  partition_exists: 3,
  not_found: 4,
  incomplete: 4,
  damaged: 5,
  cannot_compare: 1,
  access_denied: 1,
  bad_credentials: 1,
  no_such_bucket: 1,
  wrong_region: 1,
  clock_skew: 1,
  no_space: 1,
  io: 1,
  locked: 1,
  archived: 1,
  unsupported: 1,
  not_capable: 1,
  aborted: 1,
  unknown_outcome: 75,
  conflict: 75,
  checksum_refused: 75,
  throttled: 75,
  unavailable: 75,
  timeout: 75,
  network: 75,
} as const;

/** The stable names of all failures. Branch on these, never on a message. */
export type BronzeErrorCode =
  | "invalid_argument"
  | "invalid_config"
  | "not_parquet"
  | "too_large"
  | "ledger_range"
  | "partition_exists"
  | "not_found"
  | "incomplete"
  | "damaged"
  | "cannot_compare"
  | "access_denied"
  | "bad_credentials"
  | "no_such_bucket"
  | "wrong_region"
  | "clock_skew"
  | "no_space"
  | "io"
  | "locked"
  | "archived"
  | "unsupported"
  | "not_capable"
  | "aborted"
  | "unknown_outcome"
  | "conflict"
  | "checksum_refused"
  | "throttled"
  | "unavailable"
  | "timeout"
  | "network";

/** What a {@linkcode BronzeError} carries besides its code and message. */
export interface BronzeErrorOptions {
  /**
   * The object key or path that the failed action was about.
   *
   * @default {undefined}
   */
  key?: string | undefined;
  /**
   * The error that led to this one.
   *
   * @default {undefined}
   */
  cause?: unknown;
}

/**
 * The error of every failed operation of this module.
 *
 * @example Branch on the code
 * ```ts
 * import { BronzeError, openStore } from "@obsrvr/bronze-store";
 * import assert from "node:assert/strict";
 *
 * try {
 *   openStore({ backend: "local", base: "" });
 * } catch (error) {
 *   assert(error instanceof BronzeError);
 *   assert.equal(error.code, "invalid_config");
 *   assert.equal(error.retryable, false);
 * }
 * ```
 */
export class BronzeError extends Error {
  /** What went wrong, as a stable name. */
  readonly code: BronzeErrorCode;
  /** The object key or path that the failed action was about, if there is one. */
  readonly key: string | undefined;

  /**
   * Makes an error.
   *
   * @param code What went wrong, as a stable name.
   * @param message The action, the value and the state found. It never holds a secret.
   * @param options The key, and the error that led to this one.
   */
  constructor(
    code: BronzeErrorCode,
    message: string,
    options: BronzeErrorOptions = {},
  ) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.name = new.target.name;
    this.code = code;
    this.key = options.key;
  }

  /** Whether the same call, made again, can succeed. */
  get retryable(): boolean {
    return this.exitStatus === 75;
  }

  /** The status with which the command line ends on this error (`sysexits.h` names 75 EX_TEMPFAIL). */
  get exitStatus(): number {
    return EXIT_STATUS[this.code];
  }
}

/** Whether `error` is a {@linkcode BronzeError} with one of these codes. */
export function hasCode(
  error: unknown,
  ...codes: BronzeErrorCode[]
): error is BronzeError {
  return error instanceof BronzeError && codes.includes(error.code);
}

/** Ends an operation whose caller has aborted it. */
export function throwIfAborted(signal: AbortSignal | undefined, key: string): void {
  if (signal?.aborted) {
    throw new BronzeError("aborted", `Stopped at "${key}": the caller aborted it`, {
      key,
      cause: signal.reason,
    });
  }
}

/** The partition exists with other content. It was not changed. */
export class PartitionExistsError extends BronzeError {
  /** The manifest of the partition that exists. */
  readonly manifest: Manifest;

  /**
   * Makes an error that carries the manifest.
   *
   * @param message The action, the value and the state found.
   * @param options The key, and the manifest of the partition that exists.
   */
  constructor(message: string, options: BronzeErrorOptions & { manifest: Manifest }) {
    super("partition_exists", message, options);
    this.manifest = options.manifest;
  }
}

/** What is stored contradicts itself: it was changed, truncated or removed after it was written. */
export class PartitionDamagedError extends BronzeError {
  /** All that is wrong, one sentence each. */
  readonly problems: readonly string[];

  /**
   * Makes an error that lists all that is wrong.
   *
   * @param uri Where the partition lies.
   * @param options The key, and all that is wrong.
   */
  constructor(uri: string, options: BronzeErrorOptions & { problems: readonly string[] }) {
    super("damaged", `The partition ${uri} is damaged: ${options.problems.join("; ")}`, options);
    this.problems = options.problems;
  }
}
