import { Buffer } from "node:buffer";
import { digestsOf, type ReceivedBody } from "./_gcs_body.ts";

/** An object as the double keeps it. */
export interface GcsObject {
  body: Uint8Array;
  generation: string;
  metageneration: string;
  /** What a GET and a HEAD repeat, beside what follows from the body. */
  headers: Record<string, string>;
  /** By name, in lower case and without `x-goog-meta-`. */
  metadata: Record<string, string>;
}

/** What the double answers. */
export interface GcsAnswer {
  status: number;
  headers: Record<string, string | string[]>;
  body: string | Uint8Array;
}

// https://cloud.google.com/storage/docs/xml-api/put-object-upload#request_headers
const KEPT = [
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "x-goog-custom-time",
  "x-goog-encryption-kms-key-name",
  "x-goog-object-lock-mode",
  "x-goog-object-lock-retain-until-date",
];
const META = "x-goog-meta-";
// https://cloud.google.com/storage/quotas#objects
const MAX_METADATA_BYTES = 8 * 1024;

let lastGeneration = 0n;

function nextGeneration(): string {
  const now = BigInt(Date.now()) * 1000n;
  lastGeneration = now > lastGeneration ? now : lastGeneration + 1n;
  return String(lastGeneration);
}

/** An error document in Google's form. */
export function gcsError(
  status: number,
  code: string,
  options: { message: string; elements?: Record<string, string> },
): GcsAnswer {
  const elements = Object.entries({ Code: code, Message: options.message, ...options.elements })
    .map(([name, text]) => {
      const escaped = text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
      return `<${name}>${escaped}</${name}>`;
    });
  return {
    status,
    headers: { "content-type": "application/xml; charset=UTF-8" },
    body: `<?xml version='1.0' encoding='UTF-8'?><Error>${elements.join("")}</Error>`,
  };
}

function etagOf(object: GcsObject): string {
  const { md5 } = digestsOf(object.body);
  return md5 === undefined ? `"-${object.generation}"` : `"${Buffer.from(md5).toString("hex")}"`;
}

function describe(object: GcsObject): Record<string, string | string[]> {
  const { crc32c, md5 } = digestsOf(object.body);
  const hashes = ["crc32c=" + Buffer.from(crc32c).toString("base64")];
  if (md5 !== undefined) hashes.push("md5=" + Buffer.from(md5).toString("base64"));
  return {
    "etag": etagOf(object),
    "x-goog-generation": object.generation,
    "x-goog-metageneration": object.metageneration,
    "x-goog-hash": hashes,
    "x-goog-stored-content-encoding": object.headers["content-encoding"] ?? "identity",
    "x-goog-stored-content-length": String(object.body.length),
  };
}

/** Makes an object of bytes and the headers of the request that brought them. */
export function makeObject(body: Uint8Array, headers: Record<string, string>): GcsObject {
  const kept: Record<string, string> = {
    "content-type": headers["content-type"] ?? "application/octet-stream",
    "last-modified": new Date().toUTCString(),
    "x-goog-storage-class": headers["x-goog-storage-class"] ?? "STANDARD",
  };
  const metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (KEPT.includes(name)) kept[name] = value;
    if (name.startsWith(META)) metadata[name.slice(META.length)] = value;
  }
  return { body, generation: nextGeneration(), metageneration: "1", headers: kept, metadata };
}

function failedPrecondition(): GcsAnswer {
  const message = "At least one of the pre-conditions you specified did not hold.";
  return gcsError(412, "PreconditionFailed", {
    message,
    elements: { Details: message },
  });
}

function checkGeneration(
  headers: Record<string, string>,
  object: GcsObject | undefined,
): GcsAnswer | null {
  const found = { generation: object?.generation ?? "0", metageneration: object?.metageneration };
  for (const name of ["generation", "metageneration"] as const) {
    const wanted = headers[`x-goog-if-${name}-match`];
    if (wanted === undefined) continue;
    if (!/^\d+$/.test(wanted)) {
      return gcsError(400, "InvalidArgument", {
        message: "Invalid argument.",
        elements: { Details: `Invalid value for x-goog-if-${name}-match.` },
      });
    }
    if (wanted !== found[name]) return failedPrecondition();
  }
  return null;
}

function checkDigests(headers: Record<string, string>, body: ReceivedBody): GcsAnswer | null {
  const wanted = (headers["x-goog-hash"] ?? "").split(",").map((part) => part.trim())
    .filter((part) => part !== "").map((part) => {
      const at = part.indexOf("=");
      return [part.slice(0, at), part.slice(at + 1)] as const;
    });
  const contentMd5 = headers["content-md5"];
  if (contentMd5 !== undefined) wanted.push(["md5", contentMd5]);
  for (const [kind, value] of wanted) {
    const digest = kind === "crc32c" ? body.digests.crc32c : body.digests.md5;
    const given = Buffer.from(value, "base64");
    if (
      (kind !== "crc32c" && kind !== "md5") || digest === undefined ||
      given.length !== digest.length || given.toString("base64") !== value
    ) {
      return gcsError(400, "InvalidDigest", {
        message: "The Content-MD5 or x-goog-hash you specified was invalid.",
      });
    }
    if (!given.equals(digest)) {
      const name = kind === "crc32c" ? "CRC32C" : "MD5";
      return gcsError(400, "BadDigest", {
        message: `The ${name} you specified in Content-MD5 or x-goog-hash did not match ` +
          "what we computed.",
      });
    }
  }
  return null;
}

/**
 * Answers a PUT of an object; checking and replacing happen in one turn of the event loop.
 *
 * `If-None-Match` and `If-Match` apply to requests that retrieve data, and a PUT ignores them:
 * https://cloud.google.com/storage/docs/request-preconditions#precondition_criteria
 */
export function putObject(
  objects: Map<string, GcsObject>,
  name: string,
  request: { headers: Record<string, string>; body: ReceivedBody },
): GcsAnswer {
  const { headers, body } = request;
  const refusal = checkDigests(headers, body) ?? checkGeneration(headers, objects.get(name));
  if (refusal !== null) return refusal;
  const object = makeObject(body.bytes, headers);
  const size = Object.entries(object.metadata).flat().join("").length;
  if (size > MAX_METADATA_BYTES) {
    return gcsError(400, "MetadataTooLarge", {
      message: "Your metadata headers exceed the maximum allowed metadata size.",
    });
  }
  objects.set(name, object);
  return {
    status: 200,
    headers: { ...describe(object), "content-type": "text/html; charset=UTF-8" },
    body: "",
  };
}

/** Answers a GET or a HEAD of an object. */
export function getObject(
  objects: Map<string, GcsObject>,
  name: string,
  options: { headers: Record<string, string>; keepMetadata: boolean },
): GcsAnswer {
  const { headers } = options;
  const object = objects.get(name);
  if (object === undefined) {
    return gcsError(404, "NoSuchKey", {
      message: "The specified key does not exist.",
      elements: { Details: `No such object: ${name}` },
    });
  }
  const refusal = checkGeneration(headers, object);
  if (refusal !== null) return refusal;
  const described: Record<string, string | string[]> = {
    ...object.headers,
    ...describe(object),
    "accept-ranges": "bytes",
  };
  if (options.keepMetadata) {
    for (const [key, value] of Object.entries(object.metadata)) described[META + key] = value;
  }
  const tags = (names: string) => names.split(",").map((tag) => tag.trim());
  const match = headers["if-match"];
  if (match !== undefined && match !== "*" && !tags(match).includes(etagOf(object))) {
    return failedPrecondition();
  }
  const noneMatch = headers["if-none-match"];
  if (noneMatch === "*" || tags(noneMatch ?? "").includes(etagOf(object))) {
    return { status: 304, headers: described, body: "" };
  }

  const length = object.body.length;
  const range = /^bytes=(\d*)-(\d*)$/.exec(headers["range"] ?? "");
  if (range === null || range[0] === "bytes=-") {
    return { status: 200, headers: described, body: object.body };
  }
  const suffix = range[1] === "";
  const first = suffix ? Math.max(0, length - Number(range[2])) : Number(range[1]);
  const last = suffix || range[2] === "" ? length - 1 : Math.min(Number(range[2]), length - 1);
  if (first > last) {
    return gcsError(416, "InvalidRange", { message: "The requested range cannot be satisfied." });
  }
  described["content-range"] = `bytes ${first}-${last}/${length}`;
  return { status: 206, headers: described, body: object.body.subarray(first, last + 1) };
}
