/**
 * An unstorage driver for files on a local disk that are written once, whole and durably.
 *
 * @module
 */
import { dirname, join } from "@std/path";
import { ensureDir, move } from "@std/fs";
import type { Driver } from "unstorage";
import { digestBody } from "../checksum.ts";
import { BronzeError, hasCode, throwIfAborted } from "../errors.ts";
import { fsError, isTaken } from "./_fs_error.ts";
import { readAhead, readRange } from "./_fs_read.ts";
import { STAGING, Staging, syncUp, withLock } from "./_staging.ts";
import {
  appendOnly,
  assertWriteOptions,
  type BlobDriver,
  type BlobMeta,
  keyPath,
  type WriteOptions,
} from "./driver.ts";

export type * from "./driver.ts";

/** Options of {@linkcode fs}. */
export interface FsDriverOptions {
  /** The directory that holds all files; it is made when it is first written to. */
  base: string;
  /**
   * Whether a write returns only when it would survive a power cut. Turn it off for tests and
   * benchmarks alone.
   *
   * @default {true}
   */
  durable?: boolean | undefined;
}

/**
 * An unstorage driver over a local directory. Writes create only, unless told to replace, and appear in
 * one step; folders are published with all their files at once by {@linkcode BlobDriver.setPair}.
 *
 * Needs `--allow-read` and `--allow-write` on the directory, and nothing else.
 *
 * @param options The directory.
 * @returns The driver, for {@linkcode BronzeStore} or unstorage's `createStorage`.
 * @throws {BronzeError} `invalid_config` when `base` is empty.
 *
 * @example
 * ```ts
 * import fs from "@obsrvr/bronze-store/drivers/fs";
 * import assert from "node:assert/strict";
 *
 * const base = await Deno.makeTempDir();
 * const driver = fs({ base });
 * await driver.setItemRaw("a:b.bin", new Uint8Array([1, 2, 3]));
 * await assert.rejects(driver.setItemRaw("a:b.bin", new Uint8Array([4])), {
 *   code: "partition_exists",
 * });
 * assert.deepEqual(await Deno.readFile(`${base}/a/b.bin`), new Uint8Array([1, 2, 3]));
 * await Deno.remove(base, { recursive: true });
 * ```
 */
export default function fs(options: FsDriverOptions): BlobDriver {
  const { durable = true } = options;
  if (typeof options.base !== "string" || options.base === "") {
    throw new BronzeError("invalid_config", "Cannot use an empty path as the local directory");
  }
  const base = options.base;
  const root = base.endsWith("/") ? base : `${base}/`;

  function pathOf(key: string): string {
    const path = keyPath(key);
    if (path === STAGING || path.startsWith(`${STAGING}/`)) {
      throw new BronzeError(
        "invalid_argument",
        `Cannot use the key "${key}": ${STAGING} is reserved`,
        {
          key,
        },
      );
    }
    return root + path;
  }

  async function stat(path: string): Promise<BlobMeta | null> {
    try {
      const info = await Deno.stat(path);
      if (!info.isFile) {
        throw new BronzeError("io", `Cannot use "${path}": it is not a file`, { key: path });
      }
      return metaOf(info);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw fsError(error, "look at", path);
    }
  }

  async function open(path: string): Promise<Deno.FsFile | null> {
    try {
      return await Deno.open(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw fsError(error, "read", path);
    }
  }

  /** Gives a staged file its final name, creating only. */
  async function link(staged: string, path: string): Promise<void> {
    try {
      await Deno.link(staged, path);
    } catch (error) {
      if (isTaken(error)) throw taken(path, error);
      throw fsError(error, "publish", path);
    }
  }

  async function assertEtag(path: string, etag: string | undefined): Promise<void> {
    if ((await stat(path))?.etag === etag) return;
    throw new BronzeError(
      "conflict",
      `Cannot write beside or over "${path}": another writer has changed it meanwhile`,
      { key: path },
    );
  }

  async function sync(directory: string): Promise<void> {
    if (!durable) return;
    using handle = await Deno.open(directory);
    await handle.sync();
  }

  async function publishFile(staged: string, path: string, options: WriteOptions): Promise<void> {
    const directory = dirname(path);
    await ensureDir(directory);
    if (options.given || options.ifMatch !== undefined) {
      await withLock(directory, options.signal, async () => {
        if (options.given) await assertEtag(pathOf(options.given.key), options.given.etag);
        if (options.ifMatch === undefined) return await link(staged, path);
        await assertEtag(path, options.ifMatch);
        await Deno.rename(staged, path);
      });
    } else if (options.overwrite) {
      await Deno.rename(staged, path);
    } else {
      await link(staged, path);
    }
    if (durable) await syncUp(directory);
  }

  const driver: BlobDriver = {
    name: "fs",
    options: { base, durable },
    createsAtomically: true,
    ...appendOnly("fs"),
    digest: digestBody,

    uri: (key) => root + keyPath(key),

    async hasItem(key) {
      return await stat(pathOf(key)) !== null;
    },

    async getMeta(key) {
      // unstorage asks for a key with this ending beside each key: there is never one.
      return key.endsWith("$") ? null : await stat(pathOf(key));
    },

    async getItem(key, options) {
      const bytes = await driver.getItemRaw(key, options);
      return bytes && new TextDecoder().decode(bytes);
    },

    async getItemRaw(key, options = {}) {
      const path = pathOf(key);
      using file = await open(path);
      if (!file) return null;
      try {
        const meta = metaOf(await file.stat());
        options.onMeta?.(meta);
        const { start, end } = options.range ?? { start: 0, end: meta.size };
        return await readRange(file, { start, end }, path, options.signal);
      } catch (error) {
        throw fsError(error, "read", path);
      }
    },

    async getItemStream(key, options = {}) {
      const path = pathOf(key);
      const file = await open(path);
      return file && readAhead(file, path, options.signal);
    },

    async setItem(key, value, options) {
      await driver.setItemRaw(key, new TextEncoder().encode(value), options);
    },

    async setItemRaw(key, value, options = {}) {
      assertWriteOptions(key, options);
      const path = pathOf(key);
      throwIfAborted(options.signal, path);
      if (!options.overwrite && options.ifMatch === undefined && await stat(path)) {
        throw taken(path);
      }
      await using staging = await Staging.create(base);
      await staging.write("item", value, { ...options, durable });
      try {
        await publishFile(join(staging.path, "item"), path, options);
        options.onMeta?.((await stat(path))!);
      } catch (error) {
        throw fsError(error, "publish", path);
      }
    },

    async setPair(pair, options = {}) {
      const body = pathOf(pair.body.key);
      const directory = dirname(body);
      throwIfAborted(options.signal, body);
      await using staging = await Staging.create(base);
      const bodyName = body.slice(directory.length + 1);
      const checksum = await staging.write(bodyName, pair.body.value, { ...options, durable });
      const described = await pair.describe(checksum);
      const description = pathOf(described.key);
      const descriptionName = description.slice(directory.length + 1);
      await staging.write(descriptionName, described.value, { durable });
      const staged = {
        body: join(staging.path, bodyName),
        description: join(staging.path, descriptionName),
      };

      try {
        await sync(staging.path);
        if (pair.replace || !await moveDirectory(staging.path, directory)) {
          await withLock(directory, options.signal, async () => {
            await assertEtag(description, pair.replace?.description).catch((error) => {
              throw pair.replace || !hasCode(error, "conflict") ? error : taken(description);
            });
            if (pair.replace) {
              await assertEtag(body, pair.replace.body);
              // The old manifest must be gone for good before its Parquet file is, and the new Parquet
              // file there for good before its manifest: a power cut leaves "incomplete", no torn pair.
              if (pair.replace.description) await Deno.remove(description);
              await sync(directory);
              await Deno.rename(staged.body, body);
            } else {
              await link(staged.body, body);
            }
            await sync(directory);
            await link(staged.description, description);
          });
        }
        if (durable) await syncUp(directory);
        options.onMeta?.((await stat(body))!);
      } catch (error) {
        throw fsError(error, "publish", directory);
      }
    },

    async flush(keys) {
      if (!durable) return;
      for (const path of keys.map(pathOf)) {
        try {
          using file = await Deno.open(path);
          await file.sync();
          await syncUp(dirname(path));
        } catch (error) {
          throw fsError(error, "force to the disk", path);
        }
      }
    },
  };
  return driver satisfies Driver;
}

function metaOf({ ino, size, mtime }: Deno.FileInfo): BlobMeta {
  // A replacement is another file: its inode differs even when size and time agree.
  return { size, etag: `${ino}-${size}-${mtime?.getTime()}`, ...(mtime ? { mtime } : {}) };
}

/** Renames a directory to a name that nothing has yet; false when the name is taken. */
async function moveDirectory(from: string, to: string): Promise<boolean> {
  await ensureDir(dirname(to));
  try {
    await move(from, to);
    return true;
  } catch (error) {
    if (isTaken(error)) return false;
    throw error;
  }
}

function taken(path: string, cause?: unknown): BronzeError {
  return new BronzeError("partition_exists", `Cannot create "${path}": it exists already`, {
    key: path,
    cause,
  });
}
