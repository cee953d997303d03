/**
 * An unstorage driver for Google Cloud Storage, through its S3-interop endpoint and in its own dialect.
 *
 * @module
 */
import type { Driver } from "unstorage";
import { digestBody } from "../checksum.ts";
import { assertBucket, bucketUrlBelow, endpointOf } from "./_address.ts";
import { gcsCredentials, type GcsCredentialsProvider } from "./_gcs_credentials.ts";
import { Goog4Signer } from "./_goog4_signer.ts";
import type { BlobDriver, BodyDigest } from "./driver.ts";
import { objectDriver } from "./object.ts";

export type { GcsCredentials, GcsCredentialsProvider } from "./_gcs_credentials.ts";
export type * from "./driver.ts";

/** Options of {@linkcode gcs}, named as unstorage's own S3 driver names them. */
export interface GcsDriverOptions {
  /** The bucket. */
  bucket: string;
  /**
   * The server's URL, for an emulator or a private endpoint.
   *
   * @default {"https://storage.googleapis.com"}
   */
  endpoint?: string | undefined;
  /**
   * The access id of an HMAC key; Application Default Credentials are found without one.
   *
   * @default {undefined}
   */
  accessKeyId?: string | undefined;
  /**
   * The secret of the HMAC key.
   *
   * @default {undefined}
   */
  secretAccessKey?: string | undefined;
  /**
   * Asked for credentials whenever a request is sent, in the place of an HMAC key.
   *
   * @default {undefined}
   */
  credentials?: GcsCredentialsProvider | undefined;
  /**
   * Milliseconds without a byte in either direction after which a request ends.
   *
   * @default {60000}
   */
  idleTimeoutMs?: number | undefined;
  /**
   * Certificates to trust instead of the system's, in PEM.
   *
   * @default {undefined}
   */
  ca?: string | undefined;
}

/** The polynomial of CRC-32C, reflected. */
const CRC_32C = 0x82f63b78;

/**
 * An unstorage driver over one bucket. Writes create only, unless told to replace; Google verifies each
 * body against its CRC-32C. An object's ETag here is its generation, which another write always changes.
 *
 * Needs `--allow-net` for the server's host; with Application Default Credentials also what those read.
 *
 * @param options The bucket and the credentials.
 * @returns The driver, for {@linkcode BronzeStore} or unstorage's `createStorage`.
 * @throws {BronzeError} `invalid_config` when an option is not allowed.
 *
 * @example
 * ```ts
 * import gcs from "@obsrvr/bronze-store/drivers/gcs";
 * import assert from "node:assert/strict";
 *
 * const driver = gcs({ bucket: "ledgers" });
 * assert.equal(driver.uri("a:b.parquet"), "gs://ledgers/a/b.parquet");
 * ```
 */
export default function gcs(options: GcsDriverOptions): BlobDriver {
  const { bucket } = options;
  assertBucket(bucket);
  const endpoint = endpointOf(options.endpoint ?? "https://storage.googleapis.com")!;
  const credentials = gcsCredentials(options);

  async function digest(
    bytes: Uint8Array,
    options?: Parameters<typeof digestBody>[1],
  ): Promise<BodyDigest> {
    // Here alone: it is large, and no other driver needs it.
    const { createCRC32 } = await import("hash-wasm");
    const crc = await createCRC32(CRC_32C);
    const { checksum } = await digestBody(bytes, {
      ...options,
      also: (chunk) => crc.update(chunk),
    });
    return { checksum, crc32c: crc.digest("hex") };
  }

  const driver = objectDriver({
    name: "gcs",
    scheme: "gs",
    bucket,
    bucketUrl: bucketUrlBelow(endpoint, bucket),
    options: { bucket, endpoint: endpoint.href },
    createsAtomically: true,
    // Google never answers 100, so that asking would cost a second.
    expectContinue: false,
    idleTimeoutMs: options.idleTimeoutMs ?? 60_000,
    ca: options.ca,
    metadataPrefix: "x-goog-meta-",
    digest,
    // https://cloud.google.com/storage/docs/xml-api/reference-headers#xgoogifgenerationmatch
    condition: (generation): Record<string, string> => ({
      "x-goog-if-generation-match": generation ?? "0",
    }),
    // https://cloud.google.com/storage/docs/xml-api/reference-headers#xgooghash
    integrity: ({ crc32c }): Record<string, string> =>
      crc32c === undefined
        ? {}
        : { "x-goog-hash": `crc32c=${Uint8Array.fromHex(crc32c).toBase64()}` },
    asking: () => ({}),
    meta: (headers) => ({
      etag: headers["x-goog-generation"],
      version: headers["x-goog-generation"],
    }),
    async sign(method, url, headers, checksum): Promise<Record<string, string>> {
      const given = await credentials();
      if ("accessToken" in given) {
        return { ...headers, authorization: `Bearer ${given.accessToken}` };
      }
      const signer = new Goog4Signer({
        ...given,
        method,
        url: url.href,
        headers: {
          ...headers,
          "x-goog-content-sha256": checksum?.slice("sha256:".length) ?? "UNSIGNED-PAYLOAD",
        },
      });
      return Object.fromEntries((await signer.sign()).headers);
    },
  });
  return driver satisfies Driver;
}
