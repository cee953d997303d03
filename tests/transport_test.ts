import assert from "node:assert/strict";
import { type HttpRequest, send } from "../src/transport.ts";

const HEAD_END = "\r\n\r\n";
const OK = `HTTP/1.1 200 OK\r\ncontent-length: 2${HEAD_END}ok`;

/** A server that is told what to do with each request on each connection; it counts them. */
async function withServer(
  answer: (connection: Deno.TcpConn, request: number) => Promise<void>,
  body: (server: { url: URL; requests: () => number; connections: () => number }) => Promise<void>,
): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open: Deno.TcpConn[] = [];
  let requests = 0;
  const serving = (async () => {
    for await (const connection of listener) {
      open.push(connection);
      serve(connection).catch(() => {});
    }
  })();
  async function serve(connection: Deno.TcpConn): Promise<void> {
    const buffer = new Uint8Array(65_536);
    let head = "";
    for (let count; (count = await connection.read(buffer)) !== null;) {
      head += new TextDecoder("latin1").decode(buffer.subarray(0, count));
      if (!head.includes(HEAD_END)) continue;
      head = "";
      await answer(connection, requests++);
    }
  }
  await body({
    url: new URL(`http://127.0.0.1:${listener.addr.port}/key`),
    requests: () => requests,
    connections: () => open.length,
  });
  listener.close();
  await serving;
  for (const connection of open) closeQuietly(connection);
}

function closeQuietly(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // The test has closed it.
  }
}

const write = async (connection: Deno.TcpConn, text: string) =>
  void await connection.write(new TextEncoder().encode(text));

async function bodyOf(request: Partial<HttpRequest> & { url: URL }): Promise<string> {
  const headers: Record<string, string> = request.body
    ? { "content-length": String(request.body.byteLength) }
    : {};
  const response = await send({ method: "GET", headers, idleTimeoutMs: 2000, ...request });
  const chunks = await Array.fromAsync(response.body);
  return new TextDecoder().decode(chunks[0]);
}

Deno.test("send() uses a connection again", async () => {
  await withServer((connection) => write(connection, OK), async ({ url, connections }) => {
    for (let request = 0; request < 3; request++) assert.equal(await bodyOf({ url }), "ok");
    assert.equal(connections(), 1);
  });
});

Deno.test("send() never sends a PUT twice, also when a reused connection turns out dead", async () => {
  const body = new TextEncoder().encode("{}");
  await withServer(async (connection, request) => {
    if (request === 0) return await write(connection, OK);
    closeQuietly(connection);
  }, async ({ url, requests }) => {
    assert.equal(await bodyOf({ url }), "ok");
    await assert.rejects(bodyOf({ url, method: "PUT", body }), { kind: "network", sent: true });
    assert.equal(requests(), 2);
  });
});

Deno.test("send() ends when nothing happens for the idle timeout", async () => {
  await withServer(() => Promise.resolve(), async ({ url }) => {
    await assert.rejects(bodyOf({ url, idleTimeoutMs: 100 }), { kind: "timeout", sent: false });
  });
});

Deno.test("send() ends when a body stops for the idle timeout", async () => {
  await withServer(
    (connection) => write(connection, `HTTP/1.1 200 OK\r\ncontent-length: 9${HEAD_END}half`),
    async ({ url }) => {
      const response = await send({ method: "GET", url, headers: {}, idleTimeoutMs: 100 });
      await assert.rejects(Array.fromAsync(response.body), { kind: "timeout" });
    },
  );
});

Deno.test("send() fails when a body ends before its length", async () => {
  await withServer(async (connection) => {
    await write(connection, `HTTP/1.1 200 OK\r\ncontent-length: 9${HEAD_END}half`);
    closeQuietly(connection);
  }, async ({ url }) => {
    const response = await send({ method: "GET", url, headers: {}, idleTimeoutMs: 2000 });
    await assert.rejects(Array.fromAsync(response.body), { kind: "network" });
  });
});

Deno.test("send() ends when it is aborted, whatever it waits for", async () => {
  await withServer(() => Promise.resolve(), async ({ url }) => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error("enough")), 50);
    const { signal } = controller;
    await assert.rejects(bodyOf({ url, signal }), { kind: "aborted", sent: false });
    await assert.rejects(bodyOf({ url, signal }), { kind: "aborted", sent: false });
  });
});

Deno.test("send() tells whether a byte of the body was sent", async () => {
  const body = new Uint8Array(10);
  await withServer(() => Promise.resolve(), async ({ url }) => {
    const waiting = { url, body, method: "PUT", idleTimeoutMs: 100 } as const;
    await assert.rejects(bodyOf(waiting), { kind: "timeout", sent: true });
    await assert.rejects(bodyOf({ ...waiting, expectContinue: true }), {
      kind: "timeout",
      sent: false,
    });
  });
});
