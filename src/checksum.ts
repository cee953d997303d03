/**
 * SHA-256 of a body, in one piece or as it streams past.
 *
 * `node:crypto` rather than `@std/crypto` for bodies: measured twice as fast,
 * and it does not copy 500 MB to hash them. Manifests use `@std/crypto`.
 *
 * @module
 */
import { createHash, type Hash } from "node:crypto";
import { throwIfAborted } from "./errors.ts";

/** How much is hashed or written at a time, in bytes: long enough to be fast, short enough to abort within. */
const CHUNK_BYTES = 4 * 1024 * 1024;

/** Views of `bytes`, one chunk after the other, without copying. */
export function* chunksOf(
  bytes: Uint8Array,
  chunkBytes: number = CHUNK_BYTES,
): Generator<Uint8Array> {
  for (let start = 0; start < bytes.byteLength; start += chunkBytes) {
    yield bytes.subarray(start, start + chunkBytes);
  }
}

/** A running SHA-256 whose {@linkcode Sha256.checksum} has the form that manifests use. */
export class Sha256 {
  #hash: Hash = createHash("sha256");

  /** Takes the next bytes of the body. */
  update(chunk: Uint8Array): void {
    this.#hash.update(chunk);
  }

  /** Ends the hash and returns it as `sha256:` and 64 hex digits. */
  checksum(): string {
    return `sha256:${this.#hash.digest("hex")}`;
  }
}

/** Options of {@linkcode digestBody}. */
export interface DigestBodyOptions {
  signal?: AbortSignal | undefined;
  onProgress?: ((loadedBytes: number) => void) | undefined;
  /** Another digest to make in the same pass. */
  also?: ((chunk: Uint8Array) => void) | undefined;
}

/** Hashes a body, giving other work and an abort their turn between chunks. */
export async function digestBody(
  bytes: Uint8Array,
  options: DigestBodyOptions = {},
): Promise<{ checksum: string }> {
  const hash = new Sha256();
  let loaded = 0;
  for (const chunk of chunksOf(bytes)) {
    throwIfAborted(options.signal, "hashing");
    hash.update(chunk);
    options.also?.(chunk);
    options.onProgress?.(loaded += chunk.byteLength);
    if (loaded < bytes.byteLength) await new Promise(setImmediate);
  }
  return { checksum: hash.checksum() };
}
