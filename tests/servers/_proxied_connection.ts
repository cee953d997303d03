import {
  answerBytes,
  closeQuietly,
  CONTINUE,
  joined,
  type MadeAnswer,
  type MessageHead,
  WireReader,
  writeAll,
} from "./_http_wire.ts";
import type { Fault, RecordedRequest } from "./tcp_proxy.ts";

/** What the proxy lends to each of its connections. */
export interface ProxyContext {
  connect(): Promise<Deno.Conn>;
  decide(request: RecordedRequest): Fault | undefined;
  /** Takes note of a write that is applied late, with the server's status. */
  late(write: Promise<number | undefined>): void;
  /** Aborted when the proxy closes. */
  closing: AbortSignal;
}

/** One request, whose answer may be under way. */
interface Exchange {
  request: RecordedRequest;
  head: MessageHead;
  bodyBytes: number;
  fault: Fault;
}

// Some servers never say it.
const CONTINUE_TIMEOUT_MS = 1000;

// Matches none of the kinds, so that each is asked about in one way.
const NO_FAULT = {} as Fault;

/** One client's connection through the proxy and, once it is needed, one to the server. */
export class ProxiedConnection {
  readonly #client: Deno.Conn;
  readonly #reader: WireReader;
  readonly #context: ProxyContext;
  #server: Deno.Conn | undefined;
  #responses: Promise<void> | undefined;
  // There is no pipelining: what the server sends always belongs to the request that came last.
  #current: Exchange | undefined;
  #closed = Promise.withResolvers<void>();

  /** Does nothing yet. */
  constructor(client: Deno.Conn, context: ProxyContext) {
    this.#client = client;
    this.#reader = new WireReader(client);
    this.#context = context;
  }

  /** Serves the connection until it ends; never rejects. */
  async run(): Promise<void> {
    try {
      for (let head = await this.#reader.head(); head; head = await this.#reader.head()) {
        if (!await this.#serve(head)) break;
      }
    } catch {
      // Either side has gone, which ends the connection as a cable would.
    }
    this.close();
    await this.#responses;
  }

  /** Closes both sides. */
  close(): void {
    this.#closed.resolve();
    closeQuietly(this.#client);
    closeQuietly(this.#server);
  }

  /** Whether the connection may serve another request. */
  #serve(head: MessageHead): Promise<boolean> | boolean {
    const [method, path] = head.start;
    const { headers } = head;
    const request: RecordedRequest = { method, path, headers, bodyBytesForwarded: 0 };
    const fault = this.#context.decide(request) ?? NO_FAULT;
    const exchange = { request, head, bodyBytes: Number(headers["content-length"] ?? 0), fault };
    if ("transfer-encoding" in headers) {
      const body = "The proxy takes a body with a Content-Length only";
      return this.#answer(exchange, { status: 501, body }, "close");
    }
    if ("refuseConnection" in fault) return false;
    if ("answerEarly" in fault) return this.#answer(exchange, fault.answerEarly, "close");
    if ("answer" in fault || "silent" in fault || "delayApply" in fault) {
      return this.#keep(exchange, fault);
    }
    return this.#forward(exchange);
  }

  async #answer(
    { request }: Exchange,
    answer: MadeAnswer,
    connection: "close" | "keep-alive",
  ): Promise<boolean> {
    await writeAll(this.#client, answerBytes(answer, { method: request.method, connection }));
    return connection === "keep-alive";
  }

  async #keep(
    exchange: Exchange,
    fault: Extract<Fault, { answer: unknown } | { silent: true } | { delayApply: unknown }>,
  ): Promise<boolean> {
    const { head, bodyBytes } = exchange;
    if ("expect" in head.headers) await writeAll(this.#client, CONTINUE);
    const pieces: Uint8Array[] = [];
    for await (const piece of this.#body(bodyBytes)) {
      if ("delayApply" in fault) pieces.push(piece.slice());
    }
    if ("answer" in fault) return this.#answer(exchange, fault.answer, "keep-alive");
    if ("silent" in fault) return true;
    this.#context.late(this.#applyLate(exchange, joined(pieces), fault.delayApply));
    return false;
  }

  async #applyLate(
    { request, head }: Exchange,
    body: Uint8Array,
    when: Promise<unknown>,
  ): Promise<number | undefined> {
    const { closing } = this.#context;
    const closed = Promise.withResolvers<void>();
    let server: Deno.Conn | undefined;
    const close = () => {
      closed.resolve();
      closeQuietly(server);
    };
    closing.addEventListener("abort", close);
    try {
      await Promise.race([when, closed.promise]);
      if (closing.aborted) return;
      server = await this.#context.connect();
      const reader = new WireReader(server);
      await writeAll(server, head.bytes);
      const first = reader.head();
      // Where the write fails first nobody awaits this.
      first.catch(() => {});
      // A refusal that comes while the body is being sent may be lost.
      if ("expect" in head.headers) {
        const early = await within(CONTINUE_TIMEOUT_MS, first);
        if (early && !isInterim(early)) return statusOf(early);
      }
      await writeAll(server, body);
      request.bodyBytesForwarded = body.length;
      let answer = await first;
      while (answer && isInterim(answer)) answer = await reader.head();
      return answer ? statusOf(answer) : undefined;
    } catch {
      // A late write that fails has not been applied, and nobody is left to be told.
      return;
    } finally {
      closing.removeEventListener("abort", close);
      closeQuietly(server);
    }
  }

  async #forward(exchange: Exchange): Promise<boolean> {
    const { request, head, bodyBytes, fault } = exchange;
    this.#current = exchange;
    if ("continueTwice" in fault) {
      await writeAll(this.#client, CONTINUE);
      await writeAll(this.#client, CONTINUE);
    }
    const server = await this.#connect();
    await writeAll(server, head.bytes);
    const limit = "cutAfterRequestBytes" in fault
      ? fault.cutAfterRequestBytes
      : "stallRequest" in fault
      ? fault.stallRequest
      : bodyBytes;
    if ("cutBeforeBody" in fault) {
      if (bodyBytes > 0) await this.#reader.ready();
      return false;
    }
    for await (const piece of this.#body(Math.min(limit, bodyBytes))) {
      await writeAll(server, piece);
      request.bodyBytesForwarded += piece.length;
    }
    if ("cutAfterRequestBytes" in fault) return false;
    if ("stallRequest" in fault) await this.#closed.promise;
    return true;
  }

  async *#body(bytes: number): AsyncGenerator<Uint8Array> {
    for (let left = bytes; left > 0;) {
      const piece = await this.#reader.some(left);
      if (piece === null) throw new Error("The client has gone in the middle of a body");
      left -= piece.length;
      yield piece;
    }
  }

  async #connect(): Promise<Deno.Conn> {
    if (this.#server) return this.#server;
    this.#server = await this.#context.connect();
    if (this.#context.closing.aborted) closeQuietly(this.#server);
    this.#responses = this.#passResponses(this.#server);
    return this.#server;
  }

  async #passResponses(server: Deno.Conn): Promise<void> {
    const reader = new WireReader(server);
    let answered: Exchange | undefined;
    let passed = 0;
    try {
      while (await reader.ready()) {
        const exchange = this.#current;
        const fault = exchange?.fault ?? NO_FAULT;
        let bytes: Uint8Array | null;
        if (answered === exchange) {
          bytes = await reader.some();
        } else {
          const head = await reader.head();
          if (head && isInterim(head)) {
            if (!("continueTwice" in fault)) await writeAll(this.#client, head.bytes);
            continue;
          }
          bytes = head && head.bytes;
          answered = exchange;
          passed = 0;
        }
        if (bytes === null || "cutBeforeResponse" in fault) break;
        if ("stallResponse" in fault) continue;
        const limit = "cutResponseAfterBytes" in fault ? fault.cutResponseAfterBytes : Infinity;
        await writeAll(this.#client, bytes.subarray(0, Math.max(0, limit - passed)));
        passed += bytes.length;
        if (passed >= limit) break;
      }
    } catch {
      // As in run(): either side has gone.
    }
    if ("stallResponse" in (this.#current?.fault ?? NO_FAULT)) await this.#closed.promise;
    this.close();
  }
}

async function within<T>(timeoutMs: number, promise: Promise<T>): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), timeoutMs);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function statusOf(head: MessageHead): number {
  return Number(head.start[1]);
}

function isInterim(head: MessageHead): boolean {
  return statusOf(head) < 200;
}
