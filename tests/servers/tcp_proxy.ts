import { closeQuietly, type MadeAnswer } from "./_http_wire.ts";
import { ProxiedConnection } from "./_proxied_connection.ts";

/** One request that has come to the proxy. */
export interface RecordedRequest {
  method: string;
  /** The path with its query, as it was sent. */
  path: string;
  /** By name in lower case. */
  headers: Record<string, string>;
  /** How much of the body has been passed on so far. */
  bodyBytesForwarded: number;
}

/** One way for a request to go wrong. Where it says "cut", both connections are closed. */
export type Fault =
  /** Cuts after so many bytes of the body were passed on. */
  | { cutAfterRequestBytes: number }
  /** Passes the head on, and cuts when the first byte of the body comes, which goes nowhere. */
  | { cutBeforeBody: true }
  /** Passes the whole request on, and cuts when the server has answered. */
  | { cutBeforeResponse: true }
  /** Cuts after so many bytes of the final response, counted from its head. */
  | { cutResponseAfterBytes: number }
  /** Passes the whole request on and the final response never; open until the client closes. */
  | { stallResponse: true }
  /** Passes so many bytes of the body on and reads no more; open until the proxy closes. */
  | { stallRequest: number }
  /** Says `100 Continue` twice, in place of the server's, and passes everything else on. */
  | { continueTwice: true }
  /** Answers the head and closes with the body unread; nothing goes to the server. */
  | { answerEarly: MadeAnswer }
  /** Reads the whole request, then answers; nothing goes to the server. */
  | { answer: MadeAnswer }
  /** Reads the whole request and never answers; nothing goes to the server. */
  | { silent: true }
  /** Closes when the head has come; nothing goes to the server. */
  | { refuseConnection: true }
  /** Reads the whole request, closes, and passes it on when the promise is kept: a late write. */
  | { delayApply: Promise<unknown> };

/** Decides about each request, when its head has come; undefined lets it pass. */
export type FaultRule = (request: RecordedRequest) => Fault | undefined;

/** A TCP proxy that can be told to misbehave. */
export interface FaultProxy extends AsyncDisposable {
  /** Its address, `http://127.0.0.1:<port>`. */
  endpoint: string;
  port: number;
  /** What has come so far, the oldest first. */
  requests: RecordedRequest[];
  /** Sets the rule for the requests to come; none lets all pass. */
  rule(rule?: FaultRule): void;
  /**
   * Resolves to the statuses the server gave to late writes, once none is under way. A refusal that the
   * server sends and closes while the body is still on its way may be missing.
   */
  settled(): Promise<number[]>;
}

/**
 * Starts a proxy in front of an HTTP/1.1 server. It changes no byte, so that signatures hold (a client
 * signs for the proxy's address, and the server checks against the Host header it gets). It takes bodies
 * with a Content-Length, and answers 501 to others.
 */
export function startProxy(targetHost: string, targetPort: number): Promise<FaultProxy> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const requests: RecordedRequest[] = [];
  const connections = new Map<ProxiedConnection, Promise<void>>();
  const lateWrites: Promise<number | undefined>[] = [];
  const closing = new AbortController();
  let decide: FaultRule | undefined;
  const context = {
    connect: () => Deno.connect({ hostname: targetHost, port: targetPort }),
    decide(request: RecordedRequest) {
      requests.push(request);
      return decide?.(request);
    },
    late: (write: Promise<number | undefined>) => void lateWrites.push(write),
    closing: closing.signal,
  };
  const accepting = (async () => {
    for await (const client of listener) {
      const connection = new ProxiedConnection(client, context);
      connections.set(connection, connection.run().finally(() => connections.delete(connection)));
    }
  })();
  const settled = async () =>
    (await Promise.all(lateWrites)).filter((status) => status !== undefined);
  return Promise.resolve({
    endpoint: `http://127.0.0.1:${listener.addr.port}`,
    port: listener.addr.port,
    requests,
    rule: (rule?: FaultRule) => decide = rule,
    settled,
    async [Symbol.asyncDispose]() {
      closing.abort();
      closeQuietly(listener);
      for (const connection of connections.keys()) connection.close();
      await Promise.all([accepting, ...connections.values(), settled()]);
    },
  });
}
