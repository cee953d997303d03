// Stands in for jsr:@std/crypto where jsr.io cannot be reached: the one call that this module makes.
/** Digests of a buffer, as `@std/crypto` extends WebCrypto. */
export const crypto: {
  subtle: { digest(algorithm: "SHA-256", data: BufferSource): Promise<ArrayBuffer> };
} = globalThis.crypto;
