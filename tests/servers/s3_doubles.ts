import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { S3DoubleStore } from "./_s3_double_store.ts";

/** One request that has come to a double. */
export interface DoubleRequest {
  method: string;
  path: string;
  /** By name in lower case. */
  headers: Record<string, string>;
}

/** One object in a double. */
export interface DoubleObject {
  body: Uint8Array;
  /** What a HEAD answers, by name in lower case. */
  headers: Record<string, string>;
}

/** A small S3 server in memory, which checks no signature. */
export interface S3Double extends AsyncDisposable {
  endpoint: string;
  /** What has come so far, the oldest first. */
  requests: DoubleRequest[];
  /** What is stored, by key. */
  objects: Map<string, DoubleObject>;
}

/** How a double takes `If-None-Match` and `If-Match` on a PUT. */
export type DoubleConditions = "atomic" | "refused" | "ignored" | "checked-then-written";

/** How a double behaves. */
export interface DoubleBehaviour {
  conditions: DoubleConditions;
  /** What it does with a checksum of the body. */
  checksums: "verified" | "refused" | "ignored";
  /** Whether it answers `100 Continue`. */
  continues: boolean;
  /** Whether it keeps `x-amz-meta-*`. */
  keepsMetadata: boolean;
}

/** What each of the doubles can be told. */
export interface DoubleOptions {
  /** The only bucket there is. @default "bucket" */
  bucket?: string;
}

/** The one promise that a weak double breaks. */
export type WeakFlaw =
  | "ignores-condition"
  | "checks-then-writes"
  | "drops-metadata"
  | "accepts-wrong-checksum";

const SOUND: DoubleBehaviour = {
  conditions: "atomic",
  checksums: "verified",
  continues: true,
  keepsMetadata: true,
};

const FLAWS: Record<WeakFlaw, Partial<DoubleBehaviour>> = {
  "ignores-condition": { conditions: "ignored" },
  "checks-then-writes": { conditions: "checked-then-written" },
  "drops-metadata": { keepsMetadata: false },
  "accepts-wrong-checksum": { checksums: "ignored" },
};

/** Backblaze B2: 501 for a condition, 400 for a checksum header. */
export function startB2Double(options: DoubleOptions = {}): Promise<S3Double> {
  return start({ ...SOUND, conditions: "refused", checksums: "refused" }, options);
}

/** Cloudflare R2: conditions as on S3, never a `100 Continue`. */
export function startR2Double(options: DoubleOptions = {}): Promise<S3Double> {
  return start({ ...SOUND, continues: false }, options);
}

/** A store that is sound but for one flaw. */
export function startWeakDouble(flaw: WeakFlaw, options: DoubleOptions = {}): Promise<S3Double> {
  return start({ ...SOUND, ...FLAWS[flaw] }, options);
}

async function start(
  behaviour: DoubleBehaviour,
  { bucket = "bucket" }: DoubleOptions,
): Promise<S3Double> {
  const requests: DoubleRequest[] = [];
  const store = new S3DoubleStore(bucket, behaviour);
  const server = createServer(async (message, response) => {
    const { method = "", url: path = "" } = message;
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(message.headers)) headers[name] = String(value);
    requests.push({ method, path, headers });
    try {
      const pieces: Uint8Array[] = [];
      for await (const piece of message) pieces.push(piece);
      const body = new Uint8Array(
        await new Blob(pieces as Uint8Array<ArrayBuffer>[]).arrayBuffer(),
      );
      const answer = await store.handle({ method, path, headers }, body);
      response.writeHead(answer.status, answer.headers);
      response.end(method === "HEAD" ? undefined : answer.body);
    } catch {
      // The client has gone in the middle of its body, which then is not stored.
      response.destroy();
    }
  });
  if (!behaviour.continues) {
    // With a listener of our own node:http leaves the interim response to us, and we send none.
    server.on(
      "checkContinue",
      (message, response) => server.emit("request", message, response),
    );
  }
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    objects: store.objects,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
