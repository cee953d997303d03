import { STATUS_CODES } from "node:http";

/** The head of an HTTP/1.1 message, as it came and as it reads. */
export interface MessageHead {
  /** The exact bytes, the empty line included. */
  bytes: Uint8Array;
  /** The three parts of the first line. */
  start: [string, string, string];
  /** By name in lower case; several of one name are joined by a comma. */
  headers: Record<string, string>;
}

/** An answer that a test makes up. */
export interface MadeAnswer {
  status: number;
  body: string;
  headers?: Record<string, string>;
}

/** The interim response that lets a client send its body. */
export const CONTINUE: Uint8Array = new TextEncoder().encode("HTTP/1.1 100 Continue\r\n\r\n");

const BUFFER_BYTES = 256 * 1024;
const MAX_HEAD_BYTES = 64 * 1024;

/** Reads a connection, now a head, now a piece of a body. */
export class WireReader {
  readonly #conn: Deno.Conn;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #start = 0;
  #end = 0;

  /** Reads nothing yet. */
  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** Waits until there is something to read; false when the peer has closed. */
  async ready(): Promise<boolean> {
    if (this.#start < this.#end) return true;
    const count = await this.#conn.read(this.#buffer);
    this.#start = 0;
    this.#end = count ?? 0;
    return count !== null;
  }

  /** The next head; null when the peer has closed. */
  async head(): Promise<MessageHead | null> {
    for (;;) {
      const unread = this.#buffer.subarray(this.#start, this.#end);
      const length = headLength(unread);
      if (length > 0) {
        this.#start += length;
        return parseHead(unread.slice(0, length));
      }
      if (unread.length > MAX_HEAD_BYTES) throw new Error("The head of a message never ends");
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#start = 0;
      this.#end = unread.length;
      const count = await this.#conn.read(this.#buffer.subarray(this.#end));
      if (count === null) return null;
      this.#end += count;
    }
  }

  /** At most so many bytes, valid until the next call; null when the peer has closed. */
  async some(maxBytes = BUFFER_BYTES): Promise<Uint8Array | null> {
    if (!await this.ready()) return null;
    const piece = this.#buffer.subarray(this.#start, Math.min(this.#end, this.#start + maxBytes));
    this.#start += piece.length;
    return piece;
  }
}

/** Writes every byte. */
export async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await conn.write(bytes.subarray(done));
}

/** Closes what may be closed already. */
export function closeQuietly(resource: { close(): void } | undefined): void {
  try {
    resource?.close();
  } catch {
    // Closed by the other direction.
  }
}

/** The bytes of a made-up answer to a request. */
export function answerBytes(
  answer: MadeAnswer,
  { method, connection }: { method: string; connection: "close" | "keep-alive" },
): Uint8Array {
  const body = new TextEncoder().encode(answer.body);
  const headers: Record<string, string> = {
    "content-type": "application/xml",
    ...answer.headers,
    "content-length": String(body.length),
    connection,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const reason = STATUS_CODES[answer.status] ?? "Unknown";
  const head = new TextEncoder().encode(
    `HTTP/1.1 ${answer.status} ${reason}\r\n${lines.join("")}\r\n`,
  );
  return method === "HEAD" ? head : joined([head, body]);
}

/** Several pieces as one. */
export function joined(pieces: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((total, piece) => total + piece.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.length;
  }
  return whole;
}

function headLength(bytes: Uint8Array): number {
  for (let at = bytes.indexOf(13); at >= 0; at = bytes.indexOf(13, at + 1)) {
    if (bytes[at + 1] === 10 && bytes[at + 2] === 13 && bytes[at + 3] === 10) return at + 4;
  }
  return 0;
}

function parseHead(bytes: Uint8Array): MessageHead {
  const [first = "", ...lines] = new TextDecoder().decode(bytes).split("\r\n");
  const [a = "", b = "", ...rest] = first.split(" ");
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon < 0) continue;
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  }
  return { bytes, start: [a, b, rest.join(" ")], headers };
}
