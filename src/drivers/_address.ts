import { BronzeError } from "../errors.ts";

/** Refuses a bucket name that no store has, or that could reach elsewhere. */
export function assertBucket(bucket: unknown): asserts bucket is string {
  // https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html and
  // https://cloud.google.com/storage/docs/buckets#naming, older and longer names included
  if (typeof bucket !== "string" || !/^[A-Za-z0-9][A-Za-z0-9._-]{2,254}$/.test(bucket)) {
    throw new BronzeError(
      "invalid_config",
      `Cannot use ${
        JSON.stringify(bucket) ?? "nothing"
      } as bucket: it takes at least 3 of the characters A-Z a-z 0-9 . _ -`,
    );
  }
}

/** Reads an endpoint; undefined when none is given. */
export function endpointOf(endpoint: string | undefined): URL | undefined {
  if (endpoint === undefined) return;
  const url = URL.parse(endpoint);
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search) {
    throw new BronzeError(
      "invalid_config",
      `Cannot use the endpoint ${
        url?.host ? `of the host ${url.host}` : JSON.stringify(endpoint)
      }: it takes a URL as in https://s3.example.com, without credentials or a query`,
    );
  }
  return url;
}

/** The URL of a bucket that is addressed by its path. */
export function bucketUrlBelow(endpoint: URL, bucket: string): URL {
  return new URL(`${endpoint.href.replace(/\/+$/, "")}/${bucket}/`);
}

/** Refuses one half of a key. */
export function assertKeyPair(
  options: { accessKeyId?: string | undefined; secretAccessKey?: string | undefined },
  variables: string,
): void {
  const { accessKeyId, secretAccessKey } = options;
  if (!accessKeyId === !secretAccessKey) return;
  throw new BronzeError(
    "invalid_config",
    `Cannot sign requests: ${
      accessKeyId ? "the secret of the access key" : "the access key"
    } is missing; ${variables} (accessKeyId and secretAccessKey) belong together`,
  );
}

/** The error of a provider of credentials that gave none. */
export function noCredentials(cause: unknown): BronzeError {
  if (cause instanceof BronzeError) return cause;
  return new BronzeError(
    cause instanceof Deno.errors.NotCapable ? "not_capable" : "bad_credentials",
    `Cannot find credentials: ${cause instanceof Error ? cause.message : cause}`,
    { cause },
  );
}

/** Imports a library of credentials when it is first needed; the specifier must not be a literal. */
export async function importProvider<T>(specifier: string): Promise<T> {
  try {
    return await import(specifier);
  } catch (cause) {
    throw new BronzeError(
      "bad_credentials",
      `Cannot find credentials: no keys are set, and ${specifier} cannot be loaded to look for others; set the keys, pass a credentials function, or run "deno cache ${specifier}" beforehand`,
      { cause },
    );
  }
}
