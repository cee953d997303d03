import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";

/** The checksums that Google reports of an object. */
export interface Digests {
  /** Four bytes, most significant first, as `x-goog-hash` wants them. */
  crc32c: Uint8Array;
  /** Left out for a large object, as Google does for a composite one. */
  md5?: Uint8Array;
}

/** A request's body, received to its end. */
export interface ReceivedBody {
  bytes: Uint8Array;
  /** Empty unless it was asked for. */
  sha256Hex: string;
  digests: Digests;
}

const MAX_MD5_BYTES = 64 * 1024 * 1024;

const known = new WeakMap<Uint8Array, Digests>();

// Slicing by 8: table n advances a byte that n further bytes follow.
const TABLES = (() => {
  const tables = Array.from({ length: 8 }, () => new Uint32Array(256));
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    tables[0]![byte] = crc;
  }
  for (let n = 1; n < 8; n++) {
    for (let byte = 0; byte < 256; byte++) {
      const before = tables[n - 1]![byte]!;
      tables[n]![byte] = (before >>> 8) ^ tables[0]![before & 0xff]!;
    }
  }
  return tables as [
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
  ];
})();

function updateCrc32c(start: number, bytes: Uint8Array): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = TABLES;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let crc = start;
  let at = 0;
  for (const end = bytes.length - 7; at < end; at += 8) {
    const low = view.getUint32(at, true) ^ crc;
    const high = view.getUint32(at + 4, true);
    crc = t7[low & 0xff]! ^ t6[(low >>> 8) & 0xff]! ^ t5[(low >>> 16) & 0xff]! ^ t4[low >>> 24]! ^
      t3[high & 0xff]! ^ t2[(high >>> 8) & 0xff]! ^ t1[(high >>> 16) & 0xff]! ^ t0[high >>> 24]!;
  }
  for (; at < bytes.length; at++) crc = (crc >>> 8) ^ t0[(crc ^ bytes[at]!) & 0xff]!;
  return crc;
}

function bigEndian(crc: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, ~crc >>> 0);
  return bytes;
}

/** Computes what Google would report of bytes that did not arrive in a request. */
export function digestsOf(bytes: Uint8Array): Digests {
  let digests = known.get(bytes);
  if (digests === undefined) {
    digests = { crc32c: bigEndian(updateCrc32c(-1, bytes)) };
    if (bytes.length <= MAX_MD5_BYTES) digests.md5 = createHash("md5").update(bytes).digest();
    known.set(bytes, digests);
  }
  return digests;
}

/**
 * Receives a request's body, hashing while it arrives.
 *
 * @returns null when the connection ended before the body did
 */
export function receiveBody(
  request: IncomingMessage,
  wants: { sha256: boolean; md5: boolean },
): Promise<ReceivedBody | null> {
  const announced = Number(request.headers["content-length"] ?? NaN);
  const whole = Number.isNaN(announced) ? null : new Uint8Array(announced);
  const chunks: Uint8Array[] = [];
  const sha256 = wants.sha256 ? createHash("sha256") : null;
  const md5 = wants.md5 || !(announced > MAX_MD5_BYTES) ? createHash("md5") : null;
  let crc = -1;
  let length = 0;
  return new Promise((resolve) => {
    request.on("data", (chunk: Uint8Array) => {
      if (whole === null) chunks.push(chunk);
      else whole.set(chunk, length);
      length += chunk.length;
      crc = updateCrc32c(crc, chunk);
      sha256?.update(chunk);
      md5?.update(chunk);
    });
    request.on("end", () => {
      const bytes = whole ?? new Uint8Array(length);
      let at = 0;
      for (const chunk of chunks) {
        bytes.set(chunk, at);
        at += chunk.length;
      }
      const digests: Digests = { crc32c: bigEndian(crc) };
      if (md5 !== null) digests.md5 = md5.digest();
      known.set(bytes, digests);
      resolve({ bytes, sha256Hex: sha256?.digest("hex") ?? "", digests });
    });
    request.on("error", () => resolve(null));
    request.on("close", () => resolve(null));
  });
}
