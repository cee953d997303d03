// An S3 server that keeps nothing: it reads bodies as fast as it can and has no object. Arguments: the
// certificate and key files for TLS. Prints its port.
const [cert, key] = Deno.args;
const listener = cert && key
  ? Deno.listenTls({
    hostname: "127.0.0.1",
    port: 0,
    cert: await Deno.readTextFile(cert),
    key: await Deno.readTextFile(key),
  })
  : Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log((listener.addr as Deno.NetAddr).port);

const MISSING = "<Error><Code>NoSuchKey</Code></Error>";
const HEAD_END = "\r\n\r\n";

for await (const connection of listener) serve(connection).catch(() => {});

async function serve(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(1024 * 1024);
  const write = (text: string) => connection.write(new TextEncoder().encode(text));
  let head = "";
  for (let count; (count = await connection.read(buffer)) !== null;) {
    head += new TextDecoder("latin1").decode(buffer.subarray(0, Math.min(count, 16_384)));
    const end = head.indexOf(HEAD_END);
    if (end < 0) continue;
    const lines = head.slice(0, end).toLowerCase();
    const method = lines.slice(0, lines.indexOf(" "));
    const length = Number(/\ncontent-length: *(\d+)/.exec(lines)?.[1] ?? 0);
    const chunked = lines.includes("transfer-encoding: chunked");
    if (lines.includes("100-continue")) await write(`HTTP/1.1 100 Continue${HEAD_END}`);
    let rest = length - (count - end - HEAD_END.length);
    head = "";
    if (chunked) rest = 0;
    while (rest > 0) {
      const read = await connection.read(buffer);
      if (read === null) return;
      rest -= read;
    }
    if (chunked) await drainChunked(connection, buffer);
    const missing = `HTTP/1.1 404 Not Found\r\ncontent-length: ${MISSING.length}${HEAD_END}`;
    if (method === "put") {
      await write(`HTTP/1.1 200 OK\r\netag: "sink"\r\ncontent-length: 0${HEAD_END}`);
    } else await write(method === "head" ? missing : missing + MISSING);
    if (lines.includes("connection: close")) break;
  }
  connection.close();
}

/** Reads to the last chunk of a body whose length is not told beforehand. */
async function drainChunked(connection: Deno.Conn, buffer: Uint8Array): Promise<void> {
  let tail = "";
  for (let count; (count = await connection.read(buffer)) !== null;) {
    tail =
      (tail + new TextDecoder("latin1").decode(buffer.subarray(Math.max(0, count - 16), count)))
        .slice(-16);
    if (tail.endsWith(HEAD_END)) return;
  }
}
