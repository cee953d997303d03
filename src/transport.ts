/**
 * One HTTP request over `node:http(s)`.
 *
 * Not `fetch`: it copies a body of 500 MB several times over, or sends it without a Content-Length, which
 * S3 refuses.
 *
 * @module
 */
import type { Agent, ClientRequest, IncomingMessage } from "node:http";

/** A request and how to send it. */
export interface HttpRequest {
  method: "GET" | "HEAD" | "PUT";
  url: URL;
  headers: Record<string, string>;
  body?: Uint8Array | undefined;
  /** Whether to send the body only when the server asks for it, or says nothing for a while. */
  expectContinue?: boolean | undefined;
  /** Milliseconds without a byte in either direction after which the request ends. */
  idleTimeoutMs: number;
  /** Certificates to trust instead of the system's, in PEM. */
  ca?: string | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: ((loadedBytes: number) => void) | undefined;
}

/** A response whose body is still to be read. */
export interface HttpResponse {
  status: number;
  headers: Record<string, string | undefined>;
  /** Whether the server asked for the body; undefined when it had not been told to. */
  continued: boolean | undefined;
  /** The body, piece by piece. */
  body: AsyncIterable<Uint8Array>;
}

/** Why no whole response came. */
export class TransportError extends Error {
  /** What ended the request. */
  readonly kind: "network" | "timeout" | "aborted" | "certificate" | "not_capable";
  /** Whether a byte of the body had been sent, so that the request may have been carried out. */
  readonly sent: boolean;

  constructor(kind: TransportError["kind"], sent: boolean, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = "TransportError";
    this.kind = kind;
    this.sent = sent;
  }
}

/** How long a server may say nothing to `Expect: 100-continue` before the body is sent all the same. */
const CONTINUE_TIMEOUT_MS = 1000;
/** Measured on two cores: large chunks are fastest in the clear, over TLS small ones, and take less memory. */
const CHUNK_BYTES = { "http:": 4 * 1024 * 1024, "https:": 512 * 1024 };

/** From this size on a body has a connection of its own, and may be announced before it is sent. */
export const LARGE_BODY_BYTES = 1024 * 1024;

/** Idle connections, by protocol and trusted certificates: a new one costs two or three round trips. */
const agents = new Map<string, Agent>();

type HttpModule = typeof import("node:http") | typeof import("node:https");

function agentOf(module: HttpModule, { url, body, ca }: HttpRequest): Agent | false {
  // The server may have closed an idle connection: not worth the risk for a body that takes seconds.
  if (body && body.byteLength >= LARGE_BODY_BYTES) return false;
  const key = `${url.protocol} ${ca}`;
  let agent = agents.get(key);
  if (!agent) {
    agent = new module.Agent({ keepAlive: true, ...(ca === undefined ? {} : { ca }) });
    agents.set(key, agent);
  }
  return agent;
}

/** Sends a request; resolves when the head of the response is there. */
export async function send(request: HttpRequest): Promise<HttpResponse> {
  // Not before: whoever writes to a disk should not wait for HTTP to load.
  const module: HttpModule = request.url.protocol === "https:"
    ? await import("node:https")
    : await import("node:http");
  return await new Promise((resolve, reject) =>
    new Exchange(request, resolve, reject).begin(module)
  );
}

/** One request and its response. */
class Exchange {
  #request: HttpRequest;
  #resolve: (response: HttpResponse) => void;
  #reject: (error: TransportError) => void;
  #client: ClientRequest | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #continueTimer: ReturnType<typeof setTimeout> | undefined;
  #continued: boolean | undefined;
  #position = 0;
  #sending = false;
  #responded = false;
  #complete = false;
  #failure: TransportError | undefined;

  constructor(
    request: HttpRequest,
    resolve: (response: HttpResponse) => void,
    reject: (error: TransportError) => void,
  ) {
    this.#request = request;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  begin(module: HttpModule): void {
    const { method, url, headers, body, expectContinue, ca, signal } = this.#request;
    if (signal?.aborted) return this.#fail("aborted", signal.reason);
    const options = {
      method,
      agent: agentOf(module, this.#request),
      headers: expectContinue ? { ...headers, expect: "100-continue" } : headers,
      ...(ca === undefined ? {} : { ca }),
    };
    try {
      const client = module.request(url, options);
      this.#client = client;
      client.on("response", (message: IncomingMessage) => this.#receive(message));
      client.on("error", (error: Error) => this.#fail(kindOf(error), error));
      client.on("drain", () => this.#pump());
      // On a reused connection that turns out dead Deno sends a small PUT again by itself, also after the
      // server has carried it out: our own object would come back as "exists already".
      if (method === "PUT") client.on("socket", () => client.reusedSocket = false);
      signal?.addEventListener("abort", this.#onAbort);
      this.#touch();
      if (!body) return void client.end();
      if (!expectContinue) return this.#startBody();
      client.on("continue", () => {
        this.#continued = true;
        this.#startBody();
      });
      this.#continueTimer = setTimeout(() => {
        this.#continued ??= false;
        this.#startBody();
      }, CONTINUE_TIMEOUT_MS);
      client.flushHeaders();
    } catch (error) {
      this.#fail(kindOf(error), error);
    }
  }

  /** Some servers ask for the body twice: it is started once. */
  #startBody(): void {
    clearTimeout(this.#continueTimer);
    if (this.#sending || this.#responded) return;
    this.#sending = true;
    this.#pump();
  }

  /** Hands views of the body to the socket, without copying, until it has enough for now. */
  #pump(): void {
    const { body, url, onProgress } = this.#request;
    if (!this.#sending || this.#responded || !body) return;
    this.#touch();
    const chunkBytes = CHUNK_BYTES[url.protocol as keyof typeof CHUNK_BYTES];
    while (this.#position < body.byteLength) {
      const chunk = body.subarray(this.#position, this.#position + chunkBytes);
      this.#position += chunk.byteLength;
      const ready = this.#client!.write(chunk);
      onProgress?.(this.#position);
      if (!ready) return;
    }
    this.#sending = false;
    this.#client!.end();
  }

  #receive(message: IncomingMessage): void {
    this.#responded = true;
    clearTimeout(this.#continueTimer);
    this.#touch();
    this.#resolve({
      status: message.statusCode!,
      headers: message.headers as Record<string, string | undefined>,
      continued: this.#continued,
      body: this.#read(message),
    });
  }

  async *#read(message: IncomingMessage): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of message) {
        this.#touch();
        yield chunk;
      }
      this.#complete = true;
    } catch (error) {
      throw this.#failure ?? new TransportError(kindOf(error), this.#sent, error);
    } finally {
      this.#end();
    }
  }

  get #sent(): boolean {
    return this.#position > 0;
  }

  #onAbort = (): void => this.#fail("aborted", this.#request.signal?.reason);

  #fail(kind: TransportError["kind"], cause: unknown): void {
    // A response that did arrive outranks the error of a socket that the server has closed behind it.
    if (this.#responded && kind === "network") return;
    this.#failure ??= new TransportError(kind, this.#sent, cause);
    this.#end();
    this.#reject(this.#failure);
  }

  /** Starts the idle timeout anew. */
  #touch(): void {
    clearTimeout(this.#timer);
    const { idleTimeoutMs } = this.#request;
    this.#timer = setTimeout(
      () => this.#fail("timeout", new Error(`Nothing happened for ${idleTimeoutMs} ms`)),
      idleTimeoutMs,
    );
  }

  #end(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#continueTimer);
    this.#request.signal?.removeEventListener("abort", this.#onAbort);
    if (!this.#complete) this.#client?.destroy();
  }
}

function kindOf(error: unknown): TransportError["kind"] {
  if (error instanceof Deno.errors.NotCapable) return "not_capable";
  const { code, message } = error as { code?: string; message?: string };
  return /CERT|SELF_SIGNED|UNABLE_TO|certificate|UnknownIssuer/i.test(`${code} ${message}`)
    ? "certificate"
    : "network";
}
