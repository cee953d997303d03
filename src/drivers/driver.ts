/**
 * What this module's drivers offer beyond unstorage's `Driver`.
 *
 * @module
 */
import { BronzeError } from "../errors.ts";

/** What is known of an object without reading it. */
export type BlobMeta = {
  /** The object's size in bytes. */
  size: number;
  /** When the object was written, as the store tells it. */
  mtime?: Date;
  /** Names this content: another write changes it. */
  etag?: string | undefined;
  /** The object's version or generation, where the store keeps them. */
  version?: string | undefined;
  /** The checksum that the store itself computed, as `sha256:` and 64 hex digits. */
  checksum?: string | undefined;
  /** The user metadata; undefined where the store keeps none. */
  metadata?: Record<string, string> | undefined;
};

/** Options of every call of a driver. */
export interface CallOptions {
  /**
   * Ends the call when it is aborted.
   *
   * @default {undefined}
   */
  signal?: AbortSignal | undefined;
  /**
   * Told what the store says of the object that was read or written.
   *
   * @default {undefined}
   */
  onMeta?: ((meta: BlobMeta) => void) | undefined;
}

/** Options of reading an object. */
export interface ReadOptions extends CallOptions {
  /**
   * Reads only the bytes from `start` up to, but not including, `end`.
   *
   * @default {undefined}
   */
  range?: { start: number; end: number } | undefined;
}

/** Options of describing an object. */
export interface MetaOptions extends CallOptions {
  /**
   * Whether the caller learns otherwise that the bucket exists. A HEAD cannot tell a missing object from a
   * missing bucket, so without this a second request finds out.
   *
   * @default {false}
   */
  bucketChecked?: boolean | undefined;
}

/** Options of writing an object. Without `overwrite` and `ifMatch` a write only creates. */
export interface WriteOptions extends CallOptions {
  /**
   * Replaces whatever is there.
   *
   * @default {false}
   */
  overwrite?: boolean | undefined;
  /**
   * Replaces only the content with this ETag.
   *
   * @default {undefined}
   */
  ifMatch?: string | undefined;
  /**
   * Creates only while the object `key` still has this `etag`. A file system holds it with a lock; an
   * object store cannot, and needs it not, since objects there carry their manifest with them.
   *
   * @default {undefined}
   */
  given?: { key: string; etag: string } | undefined;
  /**
   * User metadata to keep with the object, where the store keeps any.
   *
   * @default {undefined}
   */
  metadata?: Record<string, string> | undefined;
  /**
   * What {@linkcode BlobDriver.digest} made of the body, so that it is not hashed twice.
   *
   * @default {undefined}
   */
  digest?: BodyDigest | undefined;
  /**
   * Told of the bytes that were written so far.
   *
   * @default {undefined}
   */
  onProgress?: ((loadedBytes: number) => void) | undefined;
}

/** What identifies a body. */
export interface BodyDigest {
  /** The SHA-256, as `sha256:` and 64 hex digits. */
  checksum: string;
  /** The CRC-32C in hex, where the store verifies that. */
  crc32c?: string | undefined;
}

/** Options of hashing a body. */
export interface DigestOptions {
  /**
   * Ends the hashing when it is aborted.
   *
   * @default {undefined}
   */
  signal?: AbortSignal | undefined;
  /**
   * Told of the bytes that were hashed so far.
   *
   * @default {undefined}
   */
  onProgress?: ((loadedBytes: number) => void) | undefined;
}

/** An object to write. */
export interface Item {
  /** The object's key. */
  key: string;
  /** The object's content. */
  value: Uint8Array;
}

/** Two objects of one folder that appear in one step. */
export interface Pair {
  /** The large object. */
  body: Item;
  /** Makes the small object that describes the large one, from its checksum. */
  describe(checksum: string): Promise<Item>;
  /** Replaces exactly these two ETags instead of creating; `undefined` where nothing was. */
  replace?: { body: string; description: string | undefined } | undefined;
}

/** An unstorage driver that creates atomically and reports failures as {@linkcode BronzeError}. */
export interface BlobDriver {
  /** The driver's name. */
  readonly name: string;
  /** What the driver was made with, less its secrets. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Whether of several writers that create one key at once exactly one succeeds. */
  readonly createsAtomically: boolean;
  /** Where an object lies, for people and catalogs. */
  uri(key: string): string;
  /** Whether there is such an object. */
  hasItem(key: string, options?: CallOptions): Promise<boolean>;
  /** Reads an object as text; `null` when there is none. */
  getItem(key: string, options?: CallOptions): Promise<string | null>;
  /** Reads an object; `null` when there is none. */
  getItemRaw(key: string, options?: ReadOptions): Promise<Uint8Array | null>;
  /** Reads an object piece by piece; `null` when there is none. */
  getItemStream(key: string, options?: CallOptions): Promise<AsyncIterable<Uint8Array> | null>;
  /** Describes an object without reading it; `null` when there is none. */
  getMeta(key: string, options?: MetaOptions): Promise<BlobMeta | null>;
  /** Writes text as an object. */
  setItem(key: string, value: string, options?: WriteOptions): Promise<void>;
  /**
   * Writes an object.
   *
   * @throws {BronzeError} `partition_exists` when it may only create and the key is taken; `conflict`
   * when what it was to replace is no longer there; `unknown_outcome` when the write may have happened.
   */
  setItemRaw(key: string, value: Uint8Array, options?: WriteOptions): Promise<void>;
  /** Hashes a body, in one pass, with all digests that the store verifies. */
  digest(bytes: Uint8Array, options?: DigestOptions): Promise<BodyDigest>;
  /** Writes two objects of one folder in one step, where the store can. */
  setPair?(pair: Pair, options?: WriteOptions): Promise<void>;
  /** Makes what lies there durable, where a write alone does not. */
  flush?(keys: string[]): Promise<void>;
  /** Always refused: Bronze is append-only. */
  removeItem(key: string): Promise<void>;
  /** Always refused: this module does not list. */
  getKeys(base: string): Promise<string[]>;
  /** Always refused: Bronze is append-only. */
  clear(base: string): Promise<void>;
}

/** The three calls that an append-only driver refuses, where unstorage would silently do nothing. */
export function appendOnly(name: string): Pick<BlobDriver, "removeItem" | "getKeys" | "clear"> {
  const refuse = (call: string) => (key: string): Promise<never> =>
    Promise.reject(
      new BronzeError(
        "unsupported",
        `Cannot ${call} "${key}": the ${name} driver is append-only and does not list`,
        { key },
      ),
    );
  return { removeItem: refuse("remove"), getKeys: refuse("list"), clear: refuse("clear") };
}

const WRITE_OPTIONS: ReadonlySet<string> = new Set(
  [
    "overwrite",
    "ifMatch",
    "given",
    "metadata",
    "digest",
    "onProgress",
    "signal",
    "onMeta",
  ] satisfies (keyof WriteOptions)[],
);

/** Refuses a misspelt option: unstorage's type lets it pass, and the write would do something else. */
export function assertWriteOptions(key: string, options: WriteOptions): void {
  for (const name of Object.keys(options)) {
    if (!WRITE_OPTIONS.has(name)) throw badKey(key, `the option "${name}" is unknown`);
  }
  if (options.overwrite && options.ifMatch !== undefined) {
    throw badKey(key, "overwrite and ifMatch exclude each other");
  }
}

/** Turns an unstorage key into a path of safe segments, separated by `/`. */
export function keyPath(key: string): string {
  const path = key.replaceAll(":", "/");
  for (const segment of path.split("/")) {
    // deno-lint-ignore no-control-regex -- control characters are what it looks for
    if (segment === "" || /^\.+$|[\\\x00-\x1f\x7f]/.test(segment)) {
      throw badKey(
        key,
        "a segment of it is empty, made of dots, or holds a character that is not allowed",
      );
    }
  }
  return path;
}

function badKey(key: string, why: string): BronzeError {
  return new BronzeError("invalid_argument", `Cannot use the key ${JSON.stringify(key)}: ${why}`, {
    key,
  });
}
