import assert from "node:assert/strict";
import { type GcsDouble, startGcsDouble } from "./gcs_double.ts";

interface Call {
  method?: string;
  path?: string;
  body?: string;
  headers?: Record<string, string>;
  /** Sent, and left out of the signature. */
  unsigned?: Record<string, string>;
  secret?: string;
  accessId?: string;
  dialect?: "GOOG4" | "AWS4";
  ageMs?: number;
}

const encoder = new TextEncoder();

function hex(bytes: ArrayBuffer): string {
  return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function sha256(text: string): Promise<string> {
  return hex(await crypto.subtle.digest("SHA-256", encoder.encode(text)));
}

async function hmac(key: BufferSource, text: string): Promise<ArrayBuffer> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, algorithm, false, ["sign"]);
  return crypto.subtle.sign("HMAC", imported, encoder.encode(text));
}

async function sign(double: GcsDouble, call: Call): Promise<Record<string, string>> {
  const goog = call.dialect !== "AWS4";
  const [prefix, x, service, end] = goog
    ? ["GOOG4", "x-goog", "storage", "goog4_request"]
    : ["AWS4", "x-amz", "s3", "aws4_request"];
  const date = new Date(Date.now() - (call.ageMs ?? 0)).toISOString().replace(/[-:]|\.\d+/g, "");
  const headers: Record<string, string> = {
    host: new URL(double.endpoint).host,
    [`${x}-content-sha256`]: await sha256(call.body ?? ""),
    [`${x}-date`]: date,
    ...call.headers,
  };
  const names = Object.keys(headers).sort();
  const lines = names.map((name) => `${name}:${headers[name]}\n`).join("");
  const canonical = `${call.method ?? "PUT"}\n${call.path ?? "/bucket/key"}\n\n${lines}\n${
    names.join(";")
  }\n${headers[`${x}-content-sha256`]}`;
  const scope = `${date.slice(0, 8)}/auto/${service}/${end}`;
  let key: BufferSource = encoder.encode(prefix + (call.secret ?? double.secret));
  for (const part of scope.split("/")) key = await hmac(key, part);
  const text = `${prefix}-HMAC-SHA256\n${date}\n${scope}\n${await sha256(canonical)}`;
  const credential = `${call.accessId ?? double.accessId}/${scope}`;
  headers["authorization"] = `${prefix}-HMAC-SHA256 Credential=${credential},` +
    `SignedHeaders=${names.join(";")},Signature=${hex(await hmac(key, text))}`;
  return { ...headers, ...call.unsigned };
}

async function send(double: GcsDouble, call: Call, headers?: Record<string, string>) {
  const { host: _, ...sent } = headers ?? await sign(double, call);
  const response = await fetch(double.endpoint + (call.path ?? "/bucket/key"), {
    method: call.method ?? "PUT",
    headers: sent,
    ...(call.body === undefined ? {} : { body: call.body }),
  });
  const text = await response.text();
  const code = /<Code>(.*)<\/Code>/.exec(text)?.[1];
  return { status: response.status, headers: response.headers, text, code };
}

const permissions = { net: ["127.0.0.1"] };

function test(name: string, fn: (double: GcsDouble) => Promise<void>): void {
  Deno.test({
    name: `startGcsDouble() ${name}`,
    permissions,
    async fn() {
      await using double = await startGcsDouble();
      await fn(double);
    },
  });
}

test("takes a signed PUT and returns what Google returns of it", async (double) => {
  const path = "/bucket/bronze/range%3D0-9/a%20b.parquet";
  const put = await send(double, {
    path,
    body: "123456789",
    headers: {
      "content-type": "application/vnd.apache.parquet",
      "x-goog-hash": "crc32c=4waSgw==,md5=JfnnlDI7RTiF9RgfG2JNCw==",
      "x-goog-if-generation-match": "0",
      "x-goog-meta-sha256": "abc",
      "x-goog-object-lock-mode": "COMPLIANCE",
      "x-goog-object-lock-retain-until-date": "2030-01-01T00:00:00Z",
    },
  });
  assert.deepEqual([put.status, put.text], [200, ""]);
  const generation = put.headers.get("x-goog-generation")!;
  const object = double.objects.get("bucket/bronze/range=0-9/a b.parquet")!;
  assert.deepEqual([object.generation, object.metadata], [generation, { sha256: "abc" }]);

  const expected = {
    "content-length": "9",
    "content-type": "application/vnd.apache.parquet",
    "etag": '"25f9e794323b453885f5181f1b624d0b"',
    "x-goog-generation": generation,
    "x-goog-metageneration": "1",
    "x-goog-hash": "crc32c=4waSgw==, md5=JfnnlDI7RTiF9RgfG2JNCw==",
    "x-goog-meta-sha256": "abc",
    "x-goog-object-lock-mode": "COMPLIANCE",
    "x-goog-object-lock-retain-until-date": "2030-01-01T00:00:00Z",
    "x-goog-storage-class": "STANDARD",
    "x-goog-stored-content-length": "9",
  };
  const head = await send(double, { method: "HEAD", path });
  for (const [name, value] of Object.entries(expected)) assert.equal(head.headers.get(name), value);
  const part = await send(double, { method: "GET", path, headers: { range: "bytes=-4" } });
  assert.deepEqual([part.status, part.text], [206, "6789"]);
  assert.equal(part.headers.get("content-range"), "bytes 5-8/9");
  assert.deepEqual(double.requests.map(({ method }) => method), ["PUT", "HEAD", "GET"]);
});

test("takes the AWS4 dialect and a bearer token it was told of", async (double) => {
  assert.equal((await send(double, { dialect: "AWS4", body: "a" })).status, 200);
  const bearer = { authorization: "Bearer token-1", "x-goog-meta-a": "b" };
  assert.equal((await send(double, { body: "a" }, bearer)).code, "AuthenticationRequired");
  double.addToken("token-1");
  assert.equal((await send(double, { body: "a" }, bearer)).status, 200);
});

test("refuses what Google refuses", async (double) => {
  const refusals: [number, string, Call][] = [
    [400, "ExcessHeaderValues", { headers: { "x-amz-meta-a": "b" } }],
    [400, "ExcessHeaderValues", {
      dialect: "AWS4",
      headers: { "x-goog-if-generation-match": "0" },
    }],
    [400, "MalformedSecurityHeader", { unsigned: { "x-goog-meta-a": "b" } }],
    [403, "SignatureDoesNotMatch", { secret: "wrong" }],
    [403, "SignatureDoesNotMatch", { path: "/bucket/range=0-9" }],
    [403, "SignatureDoesNotMatch", { headers: { "x-goog-content-sha256": "0".repeat(64) } }],
    [403, "SignatureDoesNotMatch", { headers: { "accept-encoding": "identity" } }],
    [403, "InvalidAccessKeyId", { accessId: "GOOGUNKNOWN" }],
    [403, "RequestTimeTooSkewed", { ageMs: 16 * 60_000 }],
    [403, "RequestTimeTooSkewed", { ageMs: -16 * 60_000 }],
    [400, "BadDigest", { headers: { "x-goog-hash": "crc32c=AAAAAA==" } }],
    [400, "BadDigest", {
      headers: { "x-goog-hash": "crc32c=4waSgw==,md5=JfnnlDI7RTiF9RgfG2JNCg==" },
    }],
    [400, "BadDigest", { headers: { "content-md5": "JfnnlDI7RTiF9RgfG2JNCg==" } }],
    [400, "InvalidDigest", { headers: { "content-md5": "short" } }],
    [404, "NoSuchBucket", { path: "/other/key" }],
    [412, "PreconditionFailed", { headers: { "x-goog-if-generation-match": "12" } }],
  ];
  for (const [status, code, call] of refusals) {
    const answer = await send(double, { body: "123456789", ...call });
    assert.deepEqual([answer.status, answer.code], [status, code], answer.text);
  }
  assert.equal((await send(double, { body: "a" }, {})).code, "AccessDenied");
  assert.equal((await send(double, { method: "GET" })).code, "NoSuchKey");
  assert.equal((await send(double, { method: "HEAD" })).status, 404);
  assert.equal(double.objects.size, 0);
});

test("ignores on a PUT the conditions that Google ignores", async (double) => {
  const conditions: Call[] = [
    { headers: { "if-none-match": "*" } },
    { headers: { "if-match": '"other"' } },
    { dialect: "AWS4", headers: { "x-amz-if-generation-match": "0" } },
  ];
  for (const [index, call] of conditions.entries()) {
    double.write("bucket/key", encoder.encode("before"));
    const body = `after ${index}`;
    assert.equal((await send(double, { ...call, body })).status, 200);
    assert.deepEqual(double.objects.get("bucket/key")!.body, encoder.encode(body));
  }
});

test("lets one of 16 concurrent creates win, and one of 16 replacements", async (double) => {
  // All sixteen bodies are there before the first commit.
  double.rule(() => ({ delayMs: 5 }));
  const wanted = ["0"];
  for (let round = 0; round < 10; round++) {
    const answers = await Promise.all(Array.from({ length: 16 }, (_, writer) =>
      send(double, {
        body: `writer ${writer} of ${round}`,
        headers: { "x-goog-if-generation-match": wanted.at(-1)! },
      })));
    const winners = answers.flatMap(({ status }, writer) => status === 200 ? [writer] : []);
    assert.equal(winners.length, 1);
    assert.equal(answers.filter(({ status }) => status === 412).length, 15);
    const object = double.objects.get("bucket/key")!;
    assert.deepEqual(object.body, encoder.encode(`writer ${winners[0]} of ${round}`));
    wanted.push(object.generation);
  }
  assert.equal(new Set(wanted).size, 11);
});

test("fails as it is told to", async (double) => {
  double.rule(({ method }) => method === "PUT" ? { loseResponse: true } : undefined);
  await assert.rejects(send(double, { body: "kept" }));
  assert.equal((await send(double, { method: "GET" })).text, "kept");

  const headers = { "retry-after": "1" };
  double.rule(() => ({ answer: { status: 429, code: "SlowDown", headers }, delayMs: 5 }));
  const slow = await send(double, { path: "/bucket/other", body: "dropped" });
  assert.deepEqual([slow.status, slow.code, slow.headers.get("retry-after")], [
    429,
    "SlowDown",
    "1",
  ]);
  assert.deepEqual([...double.objects.keys()], ["bucket/key"]);

  double.rule(() => ({ stall: true }));
  const { host: _, ...sent } = await sign(double, { method: "GET" });
  await assert.rejects(
    fetch(double.endpoint + "/bucket/key", { headers: sent, signal: AbortSignal.timeout(100) }),
    { name: "TimeoutError" },
  );
});

test("never answers 100, and stores nothing of a body that was cut off", async (double) => {
  const { hostname, port } = new URL(double.endpoint);
  const request = async () => {
    const headers = await sign(double, { body: "hello" });
    const all = { ...headers, expect: "100-continue", "content-length": "5" };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`).join("");
    const connection = await Deno.connect({ hostname, port: Number(port) });
    await connection.write(encoder.encode(`PUT /bucket/key HTTP/1.1\r\n${lines}\r\n`));
    return connection;
  };
  const buffer = new Uint8Array(4096);
  {
    using connection = await request();
    await new Promise((resolve) => setTimeout(resolve, 50));
    await connection.write(encoder.encode("he"));
  }
  {
    using connection = await request();
    const reading = connection.read(buffer);
    const first = await Promise.race([
      reading.then(() => "answer"),
      new Promise<string>((resolve) => setTimeout(() => resolve("silence"), 100)),
    ]);
    assert.equal(first, "silence");
    assert.equal(double.objects.size, 0);
    await connection.write(encoder.encode("hello"));
    const text = new TextDecoder().decode(buffer.subarray(0, (await reading)!));
    assert.match(text, /^HTTP\/1\.1 200 /);
  }
});

Deno.test({
  name: "startGcsDouble() can forget user metadata",
  permissions,
  async fn() {
    await using double = await startGcsDouble({ keepMetadata: false });
    await send(double, { body: "a", headers: { "x-goog-meta-a": "b" } });
    const head = await send(double, { method: "HEAD" });
    assert.deepEqual([head.status, head.headers.has("x-goog-meta-a")], [200, false]);
  },
});
