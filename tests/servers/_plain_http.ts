import { Buffer } from "node:buffer";
import { createServer, type IncomingHttpHeaders, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";

/** A server that reads every body and says how long it was. */
export interface Sink extends AsyncDisposable {
  port: number;
  received: { path: string; bytes: number; complete: boolean }[];
}

/** Starts a sink on a free port. */
export async function startSink(): Promise<Sink> {
  const received: Sink["received"] = [];
  const server = createServer((message, response) => {
    const entry = { path: message.url ?? "", bytes: 0, complete: false };
    received.push(entry);
    message.on("data", (piece: Uint8Array) => entry.bytes += piece.length);
    message.on("error", () => {});
    message.on("end", () => {
      entry.complete = true;
      response.end(`sink has ${entry.bytes} bytes`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    received,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** What a client has seen of an answer. */
export interface Seen {
  status: number | undefined;
  headers: IncomingHttpHeaders;
  body: string;
  /** How many interim responses came before it. */
  continues: number;
}

/** Sends a body, after `100 Continue` where it is expected, and rejects where no whole answer comes. */
export function send(
  url: string,
  options: {
    method?: string;
    body?: Uint8Array;
    headers?: Record<string, string>;
    timeoutMs?: number;
  } = {},
): Promise<Seen> {
  const { method = "PUT", body = new Uint8Array(), headers = {}, timeoutMs = 10_000 } = options;
  const { promise, resolve, reject } = Promise.withResolvers<Seen>();
  let continues = 0;
  const request = httpRequest(url, {
    method,
    agent: false,
    headers: { "content-length": String(body.length), ...headers },
  });
  const timer = setTimeout(() => request.destroy(new Error("nothing came")), timeoutMs);
  const clear = () => clearTimeout(timer);
  request.on("continue", () => {
    if (continues++ === 0) request.end(body);
  });
  request.on("error", reject);
  request.on("close", clear);
  request.on("response", (response) => {
    const pieces: Uint8Array[] = [];
    response.on("data", (piece: Uint8Array) => pieces.push(piece));
    response.on("error", reject);
    response.on("end", () => {
      const text = Buffer.concat(pieces).toString();
      resolve({ status: response.statusCode, headers: response.headers, body: text, continues });
      request.destroy();
    });
  });
  if ("expect" in headers) request.flushHeaders();
  else request.end(body);
  return promise;
}
