import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { receiveBody, type ReceivedBody } from "./_gcs_body.ts";
import {
  type GcsAnswer,
  gcsError,
  type GcsObject,
  getObject,
  makeObject,
  putObject,
} from "./_gcs_objects.ts";
import { verifySignature } from "./gcs_signature.ts";

export type { GcsObject } from "./_gcs_objects.ts";

/** A request as it arrived. */
export interface GcsRequest {
  method: string;
  /** Exactly as on the request line, up to the `?`. */
  path: string;
  /** What follows the `?`; empty without one. */
  query: string;
  /** Names in lower case. */
  headers: Record<string, string>;
}

/** What goes wrong with one request; its body is always read first. */
export interface GcsFault {
  /** Applies the request, then cuts the connection instead of answering. */
  loseResponse?: boolean;
  /** Applies nothing and answers this. */
  answer?: { status: number; code: string; message?: string; headers?: Record<string, string> };
  /** Applies nothing and never answers. */
  stall?: boolean;
  /** Waits between the end of the body and the commit. */
  delayMs?: number;
}

/** Options of {@linkcode startGcsDouble}. */
export interface GcsDoubleOptions {
  /** @default {["bucket"]} */
  buckets?: string[];
  /** @default {"GOOGTESTACCESSID"} */
  accessId?: string;
  /** A random one by default. */
  secret?: string;
  /** Bearer tokens that are good from the start. */
  tokens?: string[];
  /** Whether GET and HEAD return `x-goog-meta-*`. @default {true} */
  keepMetadata?: boolean;
}

/** A running double of Google Cloud Storage's XML API. */
export interface GcsDouble extends AsyncDisposable {
  endpoint: string;
  accessId: string;
  secret: string;
  /** Every request, in the order of arrival. */
  requests: GcsRequest[];
  /** By `bucket/key`, for looking and changing behind a driver's back. */
  objects: Map<string, GcsObject>;
  /** Makes a bearer token good. */
  addToken(token: string): void;
  /** Makes a bearer token good for nothing, as when it has expired. */
  removeToken(token: string): void;
  /** Stores bytes under `bucket/key` as another program would: unconditionally. */
  write(name: string, body: Uint8Array, headers?: Record<string, string>): void;
  /** Asks this about every request from now on, in place of an earlier rule. */
  rule(fn: (request: GcsRequest) => GcsFault | undefined): void;
}

/**
 * Starts a strict double of Google Cloud Storage's XML API on 127.0.0.1.
 *
 * https://cloud.google.com/storage/docs/xml-api/overview
 */
export async function startGcsDouble(options: GcsDoubleOptions = {}): Promise<GcsDouble> {
  const buckets = new Set(options.buckets ?? ["bucket"]);
  const accessId = options.accessId ?? "GOOGTESTACCESSID";
  const secret = options.secret ?? randomBytes(30).toString("base64");
  const keys = new Map([[accessId, secret]]);
  const tokens = new Set(options.tokens);
  const keepMetadata = options.keepMetadata ?? true;
  const requests: GcsRequest[] = [];
  const objects = new Map<string, GcsObject>();
  const timers = new Set<ReturnType<typeof setTimeout>>();
  let rule: (request: GcsRequest) => GcsFault | undefined = () => undefined;

  function authenticate(request: GcsRequest, body: ReceivedBody): GcsAnswer | null {
    const names = Object.keys(request.headers);
    const foreign = names.find((name) => name.startsWith("x-amz-"));
    if (foreign !== undefined && names.some((name) => name.startsWith("x-goog-"))) {
      return gcsError(400, "ExcessHeaderValues", {
        message: "Multiple HTTP header values where one was expected.",
        elements: {
          Details: "Requests cannot specify both x-amz and x-goog headers.",
          HeaderName: foreign,
        },
      });
    }
    const authorization = request.headers["authorization"];
    if (authorization === undefined) {
      return gcsError(403, "AccessDenied", {
        message: "Access denied.",
        elements: { Details: "Anonymous caller does not have access to the object." },
      });
    }
    if (authorization.startsWith("Bearer ")) {
      if (tokens.has(authorization.slice("Bearer ".length))) return null;
      return gcsError(401, "AuthenticationRequired", { message: "Authentication required." });
    }
    const headers = { ...request.headers };
    // Google's front end rewrites it before the signature is checked, so a signed one never fits.
    if (headers["accept-encoding"] !== undefined) headers["accept-encoding"] += ",gzip(gfe)";
    const verdict = verifySignature(
      {
        method: request.method,
        rawPath: request.path,
        rawQuery: request.query,
        headers,
        bodySha256Hex: body.sha256Hex,
      },
      keys,
      new Date(),
    );
    return verdict.ok ? null : gcsError(verdict.status, verdict.code, verdict);
  }

  function apply(request: GcsRequest, body: ReceivedBody): GcsAnswer {
    let name: string;
    try {
      name = decodeURIComponent(request.path.slice(1));
    } catch {
      return gcsError(400, "InvalidURI", { message: "Couldn't parse the specified URI." });
    }
    const bucket = name.split("/")[0]!;
    if (!buckets.has(bucket)) {
      return gcsError(404, "NoSuchBucket", { message: "The specified bucket does not exist." });
    }
    const { method, headers } = request;
    if (name.length > bucket.length + 1) {
      if (method === "PUT") return putObject(objects, name, { headers, body });
      if (method === "GET" || method === "HEAD") {
        return getObject(objects, name, { headers, keepMetadata });
      }
    } else if (method === "HEAD") {
      return { status: 200, headers: {}, body: "" };
    }
    return gcsError(501, "NotImplemented", {
      message: `The double does not know ${method} of ${JSON.stringify(name)}.`,
    });
  }

  async function answerTo(
    incoming: IncomingMessage,
    request: GcsRequest,
  ): Promise<GcsAnswer | "cut" | "stall"> {
    const { headers, method } = request;
    if (
      method === "PUT" && headers["content-length"] === undefined &&
      headers["transfer-encoding"] === undefined
    ) {
      return gcsError(411, "MissingContentLength", {
        message: "You must provide the Content-Length HTTP header.",
      });
    }
    const fault = rule(request) ?? {};
    const declared = headers["x-goog-content-sha256"] ?? headers["x-amz-content-sha256"];
    const body = await receiveBody(incoming, {
      sha256: declared !== "UNSIGNED-PAYLOAD" && !headers["authorization"]?.startsWith("Bearer "),
      md5: headers["content-md5"] !== undefined ||
        (headers["x-goog-hash"] ?? "").includes("md5="),
    });
    if (body === null) return "cut";
    const refusal = authenticate(request, body);
    if (refusal !== null) return refusal;
    if (fault.stall) return "stall";
    if (fault.delayMs !== undefined) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => {
          timers.delete(timer);
          resolve();
        }, fault.delayMs);
        timers.add(timer);
      });
    }
    if (fault.answer !== undefined) {
      const { status, code, message, headers: added } = fault.answer;
      const answer = gcsError(status, code, { message: message ?? code });
      return { ...answer, headers: { ...answer.headers, ...added } };
    }
    const answer = apply(request, body);
    return fault.loseResponse ? "cut" : answer;
  }

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const target = incoming.url!;
    const at = target.indexOf("?");
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(incoming.headers)) {
      if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(",") : value;
    }
    const request: GcsRequest = {
      method: incoming.method!,
      path: at < 0 ? target : target.slice(0, at),
      query: at < 0 ? "" : target.slice(at + 1),
      headers,
    };
    requests.push(request);
    const answer = await answerTo(incoming, request);
    if (answer === "stall") return;
    if (answer === "cut") {
      incoming.socket.destroy();
      return;
    }
    const bytes = typeof answer.body === "string"
      ? new TextEncoder().encode(answer.body)
      : answer.body;
    const bodiless = request.method === "HEAD" || answer.status === 304;
    response.writeHead(answer.status, {
      ...answer.headers,
      ...(answer.status === 304 ? {} : { "content-length": String(bytes.length) }),
      "server": "UploadServer",
      "x-guploader-uploadid": randomBytes(24).toString("base64url"),
    });
    response.end(bodiless ? undefined : bytes);
  }

  const server = createServer();
  server.on("request", handle);
  // Google never sends a 100: whoever waits for one sends the body when it has waited enough.
  server.on("checkContinue", handle);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;

  return {
    endpoint: `http://127.0.0.1:${port}`,
    accessId,
    secret,
    requests,
    objects,
    addToken: (token) => void tokens.add(token),
    removeToken: (token) => void tokens.delete(token),
    write: (name, body, headers = {}) => void objects.set(name, makeObject(body, headers)),
    rule: (fn) => void (rule = fn),
    async [Symbol.asyncDispose]() {
      for (const timer of timers) clearTimeout(timer);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
