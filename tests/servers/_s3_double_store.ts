import { createHash } from "node:crypto";
import type { DoubleBehaviour, DoubleObject, DoubleRequest } from "./s3_doubles.ts";

/** What a double answers. */
export interface DoubleAnswer {
  status: number;
  headers: Record<string, string>;
  body: Uint8Array;
}

const CHECK_TO_WRITE_MS = 20;
const KEPT = /^(x-amz-meta-.*|x-amz-checksum-.*|content-type|content-encoding|cache-control)$/;

/** The objects of one bucket and what S3 does with them. */
export class S3DoubleStore {
  readonly objects: Map<string, DoubleObject> = new Map();
  readonly #bucket: string;
  readonly #behaviour: DoubleBehaviour;

  /** Stores nothing yet. */
  constructor(bucket: string, behaviour: DoubleBehaviour) {
    this.#bucket = bucket;
    this.#behaviour = behaviour;
  }

  /** Answers one request, whose body has been read. */
  async handle(request: DoubleRequest, body: Uint8Array): Promise<DoubleAnswer> {
    const [bucket, ...segments] = new URL(request.path, "http://double").pathname.slice(1).split(
      "/",
    );
    const key = segments.map(decodeURIComponent).join("/");
    if (decodeURIComponent(bucket!) !== this.#bucket) return failure(404, "NoSuchBucket");
    if (key === "") {
      const empty = { status: 200, headers: { "content-length": "0" }, body: new Uint8Array() };
      return request.method === "HEAD" ? empty : failure(501, "NotImplemented");
    }
    if (request.method === "PUT") return await this.#put(key, request.headers, body);
    if (request.method === "GET") return this.#get(key, request.headers);
    if (request.method === "HEAD") return this.#get(key, {});
    return failure(405, "MethodNotAllowed");
  }

  async #put(
    key: string,
    headers: Record<string, string>,
    body: Uint8Array,
  ): Promise<DoubleAnswer> {
    const { conditions } = this.#behaviour;
    const conditional = "if-none-match" in headers || "if-match" in headers;
    if (conditional && conditions === "refused") return failure(501, "NotImplemented");
    const problem = this.#checksumProblem(headers, body);
    if (problem) return failure(400, problem);
    if (conditional && conditions !== "ignored") {
      const current = this.objects.get(key)?.headers["etag"];
      if (!holds(headers, current)) return failure(412, "PreconditionFailed");
      if (conditions === "checked-then-written") {
        await new Promise((resolve) => setTimeout(resolve, CHECK_TO_WRITE_MS));
      }
    }
    const object = this.#objectOf(headers, body);
    this.objects.set(key, object);
    const answer = { etag: object.headers["etag"]!, "content-length": "0" };
    return { status: 200, headers: answer, body: new Uint8Array() };
  }

  #checksumProblem(headers: Record<string, string>, body: Uint8Array): string | undefined {
    const { checksums } = this.#behaviour;
    const names = Object.keys(headers).filter((name) =>
      name.startsWith("x-amz-checksum-") || name === "x-amz-sdk-checksum-algorithm"
    );
    if (checksums === "refused" && names.length > 0) return "InvalidArgument";
    if (checksums !== "verified") return;
    const signed = headers["x-amz-content-sha256"] ?? "";
    if (/^[0-9a-f]{64}$/.test(signed) && signed !== digest("sha256", body, "hex")) {
      return "XAmzContentSHA256Mismatch";
    }
    const given = headers["x-amz-checksum-sha256"];
    if (given !== undefined && given !== digest("sha256", body, "base64")) return "BadDigest";
  }

  #objectOf(headers: Record<string, string>, body: Uint8Array): DoubleObject {
    const kept = Object.entries(headers).filter(([name]) =>
      KEPT.test(name) && (this.#behaviour.keepsMetadata || !name.startsWith("x-amz-meta-"))
    );
    return {
      body,
      headers: {
        "content-type": "binary/octet-stream",
        ...Object.fromEntries(kept),
        "content-length": String(body.length),
        etag: `"${digest("md5", body, "hex")}"`,
        "last-modified": new Date().toUTCString(),
      },
    };
  }

  #get(key: string, headers: Record<string, string>): DoubleAnswer {
    const object = this.objects.get(key);
    if (!object) return failure(404, "NoSuchKey");
    const answer = { ...object.headers, "accept-ranges": "bytes" };
    // Neither R2 nor B2 gives a stored checksum back, whatever x-amz-checksum-mode says.
    for (const name of Object.keys(answer)) {
      if (name.startsWith("x-amz-checksum-")) delete (answer as Record<string, string>)[name];
    }
    const size = object.body.length;
    if (headers["range"] === undefined) return { status: 200, headers: answer, body: object.body };
    const range = rangeOf(headers["range"], size);
    if (!range) return failure(416, "InvalidRange");
    const body = object.body.subarray(range.start, range.end);
    return {
      status: 206,
      headers: {
        ...answer,
        "content-length": String(body.length),
        "content-range": `bytes ${range.start}-${range.end - 1}/${size}`,
      },
      body,
    };
  }
}

function holds(headers: Record<string, string>, currentEtag: string | undefined): boolean {
  if (headers["if-none-match"] === "*" && currentEtag !== undefined) return false;
  const wanted = headers["if-match"];
  return wanted === undefined || (currentEtag !== undefined && [currentEtag, "*"].includes(wanted));
}

function rangeOf(header: string, size: number): { start: number; end: number } | undefined {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header) ?? [];
  if (!first && !last) return;
  const start = first ? Number(first) : Math.max(0, size - Number(last));
  const end = first && last ? Math.min(size, Number(last) + 1) : size;
  return start < end ? { start, end } : undefined;
}

function digest(algorithm: string, body: Uint8Array, encoding: "hex" | "base64"): string {
  return createHash(algorithm).update(body).digest(encoding);
}

function failure(status: number, code: string): DoubleAnswer {
  const xml = `<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>${code}</Code><Message>${code}</Message><RequestId>double</RequestId></Error>`;
  const body = new TextEncoder().encode(xml);
  const headers = { "content-type": "application/xml", "content-length": String(body.length) };
  return { status, headers, body };
}
