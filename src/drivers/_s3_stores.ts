import { BronzeError } from "../errors.ts";
import { bucketUrlBelow } from "./_address.ts";

/** What a store takes. */
export interface S3Store {
  /** `If-None-Match: *` on a PUT. */
  conditionalCreate: boolean;
  /** `x-amz-checksum-sha256` and `x-amz-sdk-checksum-algorithm`. */
  checksums: boolean;
  /** `Expect: 100-continue`. */
  expectContinue: boolean;
  /** The region where none is given. */
  region: string;
}

type Row = [host: RegExp, Omit<S3Store, "region">, region: (host: string) => string];

const ALL = { conditionalCreate: true, checksums: true, expectContinue: true };

/** What is known of the stores, by the endpoint's host; the first row that fits counts. */
const STORES: Row[] = [
  // https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
  [
    /\.amazonaws\.com(\.cn)?$/,
    ALL,
    (host) => /s3[.-]([a-z0-9-]+)\.amazonaws/.exec(host)?.[1] ?? "us-east-1",
  ],
  // https://developers.cloudflare.com/r2/api/s3/api/; it never answers 100
  [/\.r2\.cloudflarestorage\.com$/, { ...ALL, expectContinue: false }, () => "auto"],
  // https://www.backblaze.com/docs/cloud-storage-s3-compatible-api: 501 for the one, 400 for the other
  [
    /\.backblazeb2\.com$/,
    { conditionalCreate: false, checksums: false, expectContinue: true },
    (host) => /^s3\.([a-z0-9-]+)\./.exec(host)?.[1] ?? "us-east-1",
  ],
  // MinIO, and stores that nothing is known of: `doctor` tells what they really do.
  [/^/, ALL, () => "us-east-1"],
];

/** What the store at an endpoint takes, as far as the caller does not know better. */
export function storeAt(
  endpoint: URL | undefined,
  given: { [Member in keyof S3Store]?: S3Store[Member] | undefined },
): S3Store {
  const host = endpoint?.hostname ?? "s3.amazonaws.com";
  // https://cloud.google.com/storage/docs/xml-api/reference-headers: preconditions are x-goog- headers there
  if (/(^|\.)storage\.googleapis\.com$/.test(host)) {
    throw new BronzeError(
      "invalid_config",
      `Cannot use ${host} as an S3 endpoint: Google ignores If-None-Match there, so a second writer would overwrite silently; use the gcs backend`,
    );
  }
  const [, store, region] = STORES.find(([pattern]) => pattern.test(host))!;
  return {
    conditionalCreate: given.conditionalCreate ?? store.conditionalCreate,
    checksums: given.checksums ?? store.checksums,
    expectContinue: given.expectContinue ?? store.expectContinue,
    region: region(host),
  };
}

/** Below the endpoint by its path; at AWS itself by its host, which no certificate covers when it has dots. */
export function bucketUrlOf(endpoint: URL | undefined, bucket: string, region: string): URL {
  if (endpoint) return bucketUrlBelow(endpoint, bucket);
  const host = `s3.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;
  return new URL(
    bucket.includes(".") ? `https://${host}/${bucket}/` : `https://${bucket}.${host}/`,
  );
}
