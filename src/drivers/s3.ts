/**
 * An unstorage driver for AWS S3, Cloudflare R2, Backblaze B2, MinIO and stores like them.
 *
 * @module
 */
import { AwsV4Signer } from "aws4fetch";
import type { Driver } from "unstorage";
import { digestBody } from "../checksum.ts";
import { assertBucket, endpointOf } from "./_address.ts";
import { type Credentials, type CredentialsProvider, s3Credentials } from "./_s3_credentials.ts";
import { bucketUrlOf, storeAt } from "./_s3_stores.ts";
import type { BlobDriver } from "./driver.ts";
import { objectDriver } from "./object.ts";

export type { Credentials, CredentialsProvider } from "./_s3_credentials.ts";
export type * from "./driver.ts";

/** Options of {@linkcode s3}, named as unstorage's own S3 driver names them. */
export interface S3DriverOptions {
  /** The bucket. */
  bucket: string;
  /**
   * The server's URL; AWS itself without it.
   *
   * @default {undefined}
   */
  endpoint?: string | undefined;
  /**
   * The region.
   *
   * @default {"us-east-1"}
   */
  region?: string | undefined;
  /**
   * The access key; Amazon's own provider chain finds credentials without one.
   *
   * @default {undefined}
   */
  accessKeyId?: string | undefined;
  /**
   * The secret of the access key.
   *
   * @default {undefined}
   */
  secretAccessKey?: string | undefined;
  /**
   * The token of a temporary access key.
   *
   * @default {undefined}
   */
  sessionToken?: string | undefined;
  /**
   * Asked for credentials whenever a request is signed, in the place of static ones.
   *
   * @default {undefined}
   */
  credentials?: CredentialsProvider | undefined;
  /**
   * Whether the store refuses a second create by itself (`If-None-Match: *`).
   *
   * @default {true, except on Backblaze B2}
   */
  conditionalCreate?: boolean | undefined;
  /**
   * Whether the store takes checksum headers (`x-amz-checksum-sha256`).
   *
   * @default {true, except on Backblaze B2}
   */
  checksums?: boolean | undefined;
  /**
   * Whether to ask the server before a large body is sent (`Expect: 100-continue`).
   *
   * @default {true, except on Cloudflare R2}
   */
  expectContinue?: boolean | undefined;
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

/**
 * An unstorage driver over one bucket. Writes create only, unless told to replace; the store verifies
 * each body against its SHA-256.
 *
 * Needs `--allow-net` for the server's host; with Amazon's provider chain also what that reads.
 *
 * @param options The bucket, the server and the credentials.
 * @returns The driver, for {@linkcode BronzeStore} or unstorage's `createStorage`.
 * @throws {BronzeError} `invalid_config` when an option is not allowed.
 *
 * @example
 * ```ts
 * import s3 from "@obsrvr/bronze-store/drivers/s3";
 * import assert from "node:assert/strict";
 *
 * const driver = s3({ bucket: "ledgers", region: "eu-central-1" });
 * assert.equal(driver.uri("a:b.parquet"), "s3://ledgers/a/b.parquet");
 * ```
 */
export default function s3(options: S3DriverOptions): BlobDriver {
  const endpoint = endpointOf(options.endpoint);
  const store = storeAt(endpoint, options);
  const { bucket } = options;
  assertBucket(bucket);
  const region = options.region ?? store.region;
  const credentials = s3Credentials(options);
  const signingKeys = new Map<string, ArrayBuffer>();

  return objectDriver({
    name: "s3",
    scheme: "s3",
    bucket,
    bucketUrl: bucketUrlOf(endpoint, bucket, region),
    options: { bucket, region, ...(endpoint ? { endpoint: endpoint.href } : {}) },
    createsAtomically: store.conditionalCreate,
    expectContinue: store.expectContinue,
    idleTimeoutMs: options.idleTimeoutMs ?? 60_000,
    ca: options.ca,
    metadataPrefix: "x-amz-meta-",
    condition: (etag): Record<string, string> =>
      etag === undefined ? { "if-none-match": "*" } : { "if-match": etag },
    // https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
    digest: digestBody,
    integrity: ({ checksum }): Record<string, string> =>
      store.checksums
        ? {
          "x-amz-checksum-sha256": Uint8Array.fromHex(hexOf(checksum)).toBase64(),
          "x-amz-sdk-checksum-algorithm": "SHA256",
        }
        : {},
    asking: (): Record<string, string> =>
      store.checksums ? { "x-amz-checksum-mode": "ENABLED" } : {},
    meta(headers) {
      const sha256 = headers["x-amz-checksum-sha256"];
      return {
        version: headers["x-amz-version-id"],
        // One with a hyphen is a checksum of checksums, of an upload in parts.
        checksum: sha256 && !sha256.includes("-")
          ? `sha256:${Uint8Array.fromBase64(sha256).toHex()}`
          : undefined,
      };
    },
    async sign(method, url, headers, checksum) {
      const signer = new AwsV4Signer({
        ...await credentials() satisfies Credentials,
        method,
        url: url.href,
        headers: checksum ? { ...headers, "x-amz-content-sha256": hexOf(checksum) } : headers,
        service: "s3",
        region,
        cache: signingKeys,
      });
      return Object.fromEntries((await signer.sign()).headers);
    },
  }) satisfies Driver;
}

function hexOf(checksum: string): string {
  return checksum.slice("sha256:".length);
}
