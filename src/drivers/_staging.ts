import { join } from "@std/path";
import { ensureDir } from "@std/fs";
import { chunksOf, Sha256 } from "../checksum.ts";
import { throwIfAborted } from "../errors.ts";
import { fsError } from "./_fs_error.ts";

/** Names the folder of a driver's root in which files are written before they are published. */
export const STAGING = ".staging";
/** A younger staging may belong to a writer that has not locked it yet. */
const SWEEP_AFTER_MS = 60 * 60 * 1000;

interface StageOptions {
  durable: boolean;
  signal?: AbortSignal | undefined;
  onProgress?: ((loadedBytes: number) => void) | undefined;
}

/**
 * A writer's own directory, locked for as long as the writer lives: the kernel drops the lock when the
 * process dies, which tells a crashed writer's litter from a live writer's work.
 */
export class Staging implements AsyncDisposable {
  readonly path: string;
  #lock: Deno.FsFile;

  private constructor(path: string, lock: Deno.FsFile) {
    this.path = path;
    this.#lock = lock;
  }

  /** Makes a new staging directory under `base` and sweeps what dead writers left there. */
  static async create(base: string): Promise<Staging> {
    const root = join(base, STAGING);
    try {
      await ensureDir(root);
      await sweep(root);
      const path = join(root, crypto.randomUUID());
      // Not makeTempDir: its 0700 would lock other users out of the published directory.
      await Deno.mkdir(path);
      const lock = await Deno.open(path);
      // Where the file system has no locks nothing is ever swept.
      await lock.tryLock(true).catch(() => false);
      return new Staging(path, lock);
    } catch (error) {
      throw fsError(error, "stage a write in", root);
    }
  }

  /**
   * Writes a whole file here and returns its checksum, hashing each chunk while it is on its way to the
   * disk. The file has its name only when it is whole.
   */
  async write(name: string, bytes: Uint8Array, options: StageOptions): Promise<string> {
    const path = join(this.path, name);
    const partial = `${path}.partial`;
    const hash = new Sha256();
    let loaded = 0;
    try {
      using file = await Deno.open(partial, { write: true, createNew: true, mode: 0o444 });
      for (const chunk of chunksOf(bytes)) {
        throwIfAborted(options.signal, path);
        const writing = file.write(chunk);
        hash.update(chunk);
        let written = await writing;
        while (written < chunk.byteLength) written += await file.write(chunk.subarray(written));
        options.onProgress?.(loaded += chunk.byteLength);
      }
      if (options.durable) await file.sync();
      throwIfAborted(options.signal, path);
      await Deno.rename(partial, path);
    } catch (error) {
      throw fsError(error, "write", path);
    }
    return hash.checksum();
  }

  /** Removes the directory, unless it was published, and drops the lock. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true }).catch(() => {});
    this.#lock.close();
  }
}

/**
 * Removes the staging of writers that died. It is renamed first: should its writer live after all, on a
 * file system whose locks do not hold, that writer fails instead of publishing a directory half removed.
 */
async function sweep(root: string): Promise<void> {
  for await (const entry of Deno.readDir(root)) {
    const path = join(root, entry.name);
    try {
      const { mtime } = await Deno.lstat(path);
      if (!mtime || Date.now() - mtime.getTime() < SWEEP_AFTER_MS) continue;
      using litter = await Deno.open(path);
      if (!await litter.tryLock(true)) continue;
      const aside = join(root, crypto.randomUUID());
      await Deno.rename(path, aside);
      await Deno.remove(aside, { recursive: true });
    } catch {
      // Another writer swept it first, or there are no locks: litter can wait, this publish cannot.
    }
  }
}

/**
 * Runs `action` while no other process can, by an exclusive lock on a directory.
 *
 * @throws {Deno.errors.NotFound} when there is no such directory.
 */
export async function withLock<T>(
  directory: string,
  signal: AbortSignal | undefined,
  action: () => Promise<T>,
): Promise<T> {
  for (;;) {
    using handle = await Deno.open(directory);
    while (!await handle.tryLock(true)) {
      throwIfAborted(signal, directory);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    // An empty directory may have been replaced by a rename while we waited for its lock.
    const [held, current] = await Promise.all([handle.stat(), Deno.stat(directory)]);
    if (held.ino === current.ino && held.dev === current.dev) return await action();
  }
}

/** Forces directories to the disk: `directory` and all above it, as far as this process may read them. */
export async function syncUp(directory: string): Promise<void> {
  for (let path = await Deno.realPath(directory);; path = join(path, "..")) {
    const { state } = await Deno.permissions.query({ name: "read", path });
    if (state !== "granted") return;
    try {
      using handle = await Deno.open(path);
      await handle.sync();
    } catch (error) {
      if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    }
    if (path === join(path, "..")) return;
  }
}
