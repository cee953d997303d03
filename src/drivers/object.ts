/**
 * What the drivers of object stores share: PUT, GET and HEAD of one object.
 *
 * @module
 */
import { BronzeError, throwIfAborted } from "../errors.ts";
import { type HttpResponse, LARGE_BODY_BYTES, send } from "../transport.ts";
import {
  type Attempt,
  element,
  isUndecided,
  refusalError,
  transportError,
  unknownOutcome,
} from "./_service_error.ts";
import { assertFromStore, bodyOf, textOf } from "./_response.ts";
import {
  appendOnly,
  assertWriteOptions,
  type BlobDriver,
  type BlobMeta,
  type BodyDigest,
  type CallOptions,
  keyPath,
  type WriteOptions,
} from "./driver.ts";

/** How one service spells what all of them do. */
export interface Dialect {
  /** The driver's name. */
  name: string;
  /** The scheme of its URIs. */
  scheme: string;
  bucket: string;
  /** The URL of the bucket, with a slash at its end. */
  bucketUrl: URL;
  /** What the driver shows of its options, without secrets. */
  options: Record<string, unknown>;
  /** Whether a second create is refused by the store itself. */
  createsAtomically: boolean;
  /** Whether the server may be asked before a large body is sent. */
  expectContinue: boolean;
  idleTimeoutMs: number;
  ca: string | undefined;
  /** The prefix of user metadata. */
  metadataPrefix: string;
  /** The headers that let a PUT only create, or only replace what has this ETag. */
  condition(etag: string | undefined): Record<string, string>;
  /** Hashes a body with all digests that the store verifies. */
  digest: BlobDriver["digest"];
  /** The headers by which the store verifies a body. */
  integrity(digest: BodyDigest): Record<string, string>;
  /** The headers that a GET and a HEAD ask with. */
  asking(): Record<string, string>;
  /** What the headers of a response say of an object, besides what all services say alike. */
  meta(headers: HttpResponse["headers"]): Partial<BlobMeta>;
  /** Signs a request when it is about to be sent; returns all its headers. */
  sign(
    method: string,
    url: URL,
    headers: Record<string, string>,
    checksum: string | undefined,
  ): Promise<Record<string, string>>;
}

/** A driver that speaks one service's dialect. */
export function objectDriver(dialect: Dialect): BlobDriver {
  const uri = (key: string) => `${dialect.scheme}://${dialect.bucket}/${keyPath(key)}`;
  let expectContinue = dialect.expectContinue;

  async function request(
    method: "GET" | "HEAD" | "PUT",
    key: string,
    attempt: Attempt,
    headers: Record<string, string>,
    options: CallOptions & {
      body?: Uint8Array;
      checksum?: string;
      onProgress?: WriteOptions["onProgress"];
    },
  ): Promise<HttpResponse> {
    const url = new URL(keyPath(key).split("/").map(encodeStrictly).join("/"), dialect.bucketUrl);
    const { body, checksum, signal, onProgress } = options;
    const signed = await dialect.sign(method, url, headers, checksum);
    try {
      const response = await send({
        method,
        url,
        headers: body ? { ...signed, "content-length": String(body.byteLength) } : signed,
        body,
        expectContinue: expectContinue && body !== undefined &&
          body.byteLength >= LARGE_BODY_BYTES,
        idleTimeoutMs: dialect.idleTimeoutMs,
        ca: dialect.ca,
        signal,
        onProgress,
      });
      // It answered without ever asking for the body: asking it again would cost a second each time.
      if (response.continued === false) expectContinue = false;
      return response;
    } catch (error) {
      throw transportError(attempt, error);
    }
  }

  function metaOf(headers: HttpResponse["headers"]): BlobMeta {
    const entries = Object.entries(headers).flatMap(([name, value]): [string, string][] =>
      name.startsWith(dialect.metadataPrefix) && value !== undefined
        ? [[name.slice(dialect.metadataPrefix.length), value]]
        : []
    );
    const modified = headers["last-modified"];
    return {
      size: Number(headers["content-range"]?.split("/")[1] ?? headers["content-length"] ?? 0),
      etag: headers.etag,
      metadata: entries.length > 0 ? Object.fromEntries(entries) : undefined,
      ...(modified ? { mtime: new Date(modified) } : {}),
      ...dialect.meta(headers),
    };
  }

  /** Begins to read an object; `null` when there is none. */
  async function get(
    key: string,
    options: CallOptions & { range?: { start: number; end: number } | undefined },
  ): Promise<AsyncIterable<Uint8Array> | null> {
    const attempt = { action: "read", uri: uri(key), key };
    const { range } = options;
    if (range && range.end <= range.start) return (async function* () {})();
    const response = await request("GET", key, attempt, {
      ...dialect.asking(),
      ...(range ? { range: `bytes=${range.start}-${range.end - 1}` } : {}),
    }, options);
    if (response.status >= 300) {
      const refusal = { ...response, document: await textOf(response, attempt) };
      if (element(refusal.document, "Code") === "NoSuchKey") return null;
      throw refusalError(attempt, refusal);
    }
    await assertFromStore(response, attempt);
    options.onMeta?.(metaOf(response.headers));
    return bodyOf(response, attempt);
  }

  async function put(key: string, value: Uint8Array, options: WriteOptions): Promise<void> {
    const attempt = { action: "write", uri: uri(key), key };
    throwIfAborted(options.signal, attempt.uri);
    const digest = options.digest ?? await dialect.digest(value, { signal: options.signal });
    const creates = !options.overwrite && options.ifMatch === undefined;
    if (creates && !dialect.createsAtomically && await head(key, options)) throw taken(attempt);
    const metadata = Object.entries(options.metadata ?? {}).map(([name, text]) =>
      [dialect.metadataPrefix + name, text] as const
    );
    const response = await request("PUT", key, attempt, {
      ...(options.overwrite || creates && !dialect.createsAtomically
        ? {}
        : dialect.condition(options.ifMatch)),
      "content-type": mediaTypeOf(key),
      ...Object.fromEntries(metadata),
      ...dialect.integrity(digest),
    }, {
      body: value,
      checksum: digest.checksum,
      signal: options.signal,
      onProgress: options.onProgress,
    });

    const document = await textOf(response, attempt);
    const refused = response.status >= 300 || element(document, "Code") !== undefined;
    if (!refused) {
      await assertFromStore(response, attempt).catch((error) => {
        throw unknownOutcome(attempt, error);
      });
      return options.onMeta?.({ ...metaOf(response.headers), size: value.byteLength });
    }
    if (response.status === 412 && creates) throw taken(attempt);
    // S3 answers 404 to the replacement of an object that is gone.
    if (
      response.status === 412 ||
      response.status === 404 && element(document, "Code") === "NoSuchKey"
    ) {
      throw new BronzeError(
        "conflict",
        `Cannot replace ${attempt.uri}: another writer has changed it meanwhile`,
        { key },
      );
    }
    const error = refusalError(attempt, { ...response, document });
    throw isUndecided(error) || response.status < 300 ? unknownOutcome(attempt, error) : error;
  }

  async function head(
    key: string,
    options: CallOptions & { bucketChecked?: boolean | undefined },
  ): Promise<BlobMeta | null> {
    const attempt = { action: "look at", uri: uri(key), key };
    const response = await request("HEAD", key, attempt, dialect.asking(), options);
    await textOf(response, attempt);
    if (response.status === 404) {
      // A HEAD does not say whether the object or the bucket is missing; a GET of its first byte does.
      if (!options.bucketChecked) await get(key, { ...options, range: { start: 0, end: 1 } });
      return null;
    }
    if (response.status >= 300) throw refusalError(attempt, { ...response, document: "" });
    await assertFromStore(response, attempt);
    return metaOf(response.headers);
  }

  const driver: BlobDriver = {
    name: dialect.name,
    options: dialect.options,
    createsAtomically: dialect.createsAtomically,
    ...appendOnly(dialect.name),
    digest: dialect.digest,
    uri,

    async hasItem(key, options = {}) {
      return await head(key, options) !== null;
    },

    async getMeta(key, options = {}) {
      // unstorage asks for a key with this ending beside each key: there is never one.
      return key.endsWith("$") ? null : await head(key, options);
    },

    async getItem(key, options) {
      const bytes = await driver.getItemRaw(key, options);
      return bytes && new TextDecoder().decode(bytes);
    },

    async getItemRaw(key, options = {}) {
      const body = await get(key, options);
      return body && new Uint8Array(await new Response(ReadableStream.from(body)).arrayBuffer());
    },

    async getItemStream(key, options = {}) {
      return await get(key, options);
    },

    async setItem(key, value, options) {
      await driver.setItemRaw(key, new TextEncoder().encode(value), options);
    },

    async setItemRaw(key, value, options = {}) {
      assertWriteOptions(key, options);
      await put(key, value, options);
    },
  };
  return driver;
}

/** Percent-encodes all but the unreserved characters (RFC 3986): what every server signs alike. */
function encodeStrictly(segment: string): string {
  return encodeURIComponent(segment).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function mediaTypeOf(key: string): string {
  // https://www.iana.org/assignments/media-types/application/vnd.apache.parquet
  if (key.endsWith(".parquet")) return "application/vnd.apache.parquet";
  return key.endsWith(".json") ? "application/json" : "application/octet-stream";
}

function taken(attempt: Attempt): BronzeError {
  return new BronzeError("partition_exists", `Cannot create ${attempt.uri}: it exists already`, {
    key: attempt.key,
  });
}
