import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { send, type Sink, startSink } from "./_plain_http.ts";
import { makeCertificates } from "./certificate.ts";
import { startMinio } from "./minio.ts";
import { S3Admin } from "./s3_admin.ts";
import { startB2Double, startR2Double, startWeakDouble } from "./s3_doubles.ts";
import { type Fault, type FaultProxy, startProxy } from "./tcp_proxy.ts";

const MIB = 1024 * 1024;

async function withProxy(
  fault: Fault | undefined,
  test: (proxy: FaultProxy, sink: Sink) => Promise<void>,
): Promise<void> {
  await using sink = await startSink();
  await using proxy = await startProxy("127.0.0.1", sink.port);
  proxy.rule(() => fault);
  await test(proxy, sink);
}

const BODY = new Uint8Array(8 * MIB).fill(7);
const EXPECT = { expect: "100-continue" };
const GONE = /socket hang up|ECONNRESET|EPIPE|reset|closed|aborted|broken pipe/i;

function sha256(encoding: "hex" | "base64", bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest(encoding);
}

Deno.test("startProxy() passes 256 MiB and records the request", async () => {
  await withProxy(undefined, async (proxy, sink) => {
    const body = new Uint8Array(256 * MIB);
    const { body: answer } = await send(`${proxy.endpoint}/a?b=1`, { body, timeoutMs: 60_000 });
    assert.equal(answer, `sink has ${body.length} bytes`);
    const [{ method, path, bodyBytesForwarded } = assert.fail()] = proxy.requests;
    assert.deepEqual([method, path, bodyBytesForwarded], ["PUT", "/a?b=1", body.length]);
    assert.equal(sink.received[0]?.complete, true);
  });
});

Deno.test("startProxy() decides about each request of a connection that is kept", async () => {
  await withProxy(undefined, async (proxy) => {
    proxy.rule(({ path }) => path === "/b" ? { continueTwice: true } : undefined);
    using conn = await Deno.connect({ hostname: "127.0.0.1", port: proxy.port });
    let text = "";
    const ask = async (path: string, last: string) => {
      const head = `PUT ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n`;
      await conn.write(new TextEncoder().encode(`${head}ab`));
      const buffer = new Uint8Array(4096);
      for (text = ""; !text.endsWith(last);) {
        text += new TextDecoder().decode(
          buffer.subarray(0, await conn.read(buffer) ?? assert.fail()),
        );
      }
    };
    await ask("/a", "sink has 2 bytes");
    assert.match(text, /^HTTP\/1.1 200/);
    await ask("/b", "sink has 2 bytes");
    assert.match(
      text,
      /^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200/,
    );
    await ask("/c", "sink has 2 bytes");
    assert.match(text, /^HTTP\/1.1 200/);
    assert.deepEqual(proxy.requests.map(({ path }) => path), ["/a", "/b", "/c"]);
  });
});

// What the server has got, and what of the body went through, when the client was left without an answer.
const CUTS: [Fault, { complete: boolean | undefined; forwarded: number }][] = [
  [{ refuseConnection: true }, { complete: undefined, forwarded: 0 }],
  [{ cutBeforeBody: true }, { complete: false, forwarded: 0 }],
  [{ cutAfterRequestBytes: 100_000 }, { complete: false, forwarded: 100_000 }],
  [{ stallRequest: 100_000 }, { complete: false, forwarded: 100_000 }],
  [{ cutBeforeResponse: true }, { complete: true, forwarded: BODY.length }],
  [{ cutResponseAfterBytes: 30 }, { complete: true, forwarded: BODY.length }],
  [{ stallResponse: true }, { complete: true, forwarded: BODY.length }],
  [{ silent: true }, { complete: undefined, forwarded: 0 }],
];

for (const [fault, { complete, forwarded }] of CUTS) {
  for (const headers of [{}, EXPECT]) {
    const [name] = Object.keys(fault);
    Deno.test(`startProxy() leaves no answer: ${name} ${JSON.stringify(headers)}`, async () => {
      await withProxy(fault, async (proxy, sink) => {
        const stalls = "stallRequest" in fault || "stallResponse" in fault || "silent" in fault;
        const sent = send(`${proxy.endpoint}/a`, { body: BODY, headers, timeoutMs: 500 });
        await assert.rejects(sent, stalls ? /nothing came/ : GONE);
        assert.equal(proxy.requests[0]?.bodyBytesForwarded, forwarded);
        if (complete !== true) await new Promise((resolve) => setTimeout(resolve, 20));
        assert.equal(sink.received[0]?.complete, complete);
        proxy.rule();
        assert.equal((await send(`${proxy.endpoint}/b`, { body: BODY })).status, 200);
      });
    });
  }
}

Deno.test("startProxy() answers in the place of the server", async () => {
  const made = { status: 412, body: "<Code>PreconditionFailed</Code>", headers: { "x-id": "7" } };
  for (const fault of [{ answer: made }, { answerEarly: made }]) {
    await withProxy(fault, async (proxy, sink) => {
      // Without a body to leave unread: what comes of an answer then is the client's affair.
      const body = "answer" in fault ? BODY : new Uint8Array();
      const seen = await send(proxy.endpoint, { body });
      assert.deepEqual([seen.status, seen.body, seen.headers["x-id"]], [412, made.body, "7"]);
      assert.equal(sink.received.length, 0);
    });
  }
  await withProxy({ answerEarly: made }, async (proxy) => {
    const seen = await send(proxy.endpoint, { body: BODY, headers: EXPECT });
    assert.deepEqual([seen.status, seen.continues], [412, 0]);
  });
});

Deno.test("startProxy() says 100 Continue twice", async () => {
  await withProxy({ continueTwice: true }, async (proxy) => {
    const seen = await send(proxy.endpoint, { body: BODY, headers: EXPECT });
    assert.deepEqual([seen.status, seen.body], [200, `sink has ${BODY.length} bytes`]);
    assert.ok(seen.continues >= 1);
  });
});

Deno.test("startProxy() applies a write late", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await withProxy({ delayApply: promise }, async (proxy, sink) => {
    await assert.rejects(send(proxy.endpoint, { body: BODY, headers: EXPECT }), GONE);
    assert.equal(sink.received.length, 0);
    resolve();
    assert.deepEqual(await proxy.settled(), [200]);
    assert.deepEqual(sink.received, [{ path: "/", bytes: BODY.length, complete: true }]);
  });
  await using r2 = await startR2Double();
  await using proxy = await startProxy("127.0.0.1", Number(new URL(r2.endpoint).port));
  proxy.rule(() => ({ delayApply: send(`${r2.endpoint}/bucket/a`, { body: BODY }) }));
  const headers = { "if-none-match": "*", ...EXPECT };
  await assert.rejects(send(`${proxy.endpoint}/bucket/a`, { body: BODY, headers }), GONE);
  assert.deepEqual(await proxy.settled(), [412]);
  await withProxy({ delayApply: new Promise(() => {}) }, async (proxy) => {
    await assert.rejects(send(proxy.endpoint, { body: BODY }), GONE);
  });
});

Deno.test("startB2Double() refuses conditions and checksums, and stores objects", async () => {
  await using b2 = await startB2Double();
  const url = `${b2.endpoint}/bucket/range%3D0-9/a`;
  const put = (headers: Record<string, string>) => send(url, { body: BODY, headers });
  assert.match((await put({ "if-none-match": "*" })).body, /NotImplemented/);
  assert.equal((await put({ "x-amz-sdk-checksum-algorithm": "SHA256" })).status, 400);
  assert.equal(b2.objects.size, 0);
  assert.equal((await put({ "x-amz-meta-a": "1", ...EXPECT })).status, 200);
  const head = await send(url, { method: "HEAD" });
  assert.equal(head.headers["content-length"], String(BODY.length));
  assert.equal(head.headers["x-amz-meta-a"], "1");
  const part = await send(url, { method: "GET", headers: { range: "bytes=-8" } });
  assert.deepEqual([part.status, part.body.length], [206, 8]);
  const missing = await send(`${b2.endpoint}/bucket/b`, { method: "GET" });
  assert.match(missing.body, /NoSuchKey/);
  assert.match((await send(`${b2.endpoint}/other/b`, { body: BODY })).body, /NoSuchBucket/);
  assert.deepEqual([...b2.objects.keys()], ["range=0-9/a"]);
});

Deno.test("startR2Double() never continues, and lets one of many writers win", async () => {
  await using r2 = await startR2Double();
  const url = `${r2.endpoint}/bucket/a`;
  const stuck = send(url, { body: BODY, headers: EXPECT, timeoutMs: 300 });
  await assert.rejects(stuck, /nothing came/);
  const race = await Promise.all(
    Array.from({ length: 8 }, () => send(url, { body: BODY, headers: { "if-none-match": "*" } })),
  );
  assert.equal(race.filter(({ status }) => status === 200).length, 1);
  assert.equal(race.filter(({ body }) => body.includes("PreconditionFailed")).length, 7);
  const etag = r2.objects.get("a")!.headers["etag"]!;
  assert.equal((await send(url, { headers: { "if-match": '"other"' } })).status, 412);
  assert.equal((await send(url, { headers: { "if-match": etag } })).status, 200);
});

Deno.test("startWeakDouble() breaks one promise", async () => {
  const headers = { "if-none-match": "*", "x-amz-meta-a": "1" };
  await using ignores = await startWeakDouble("ignores-condition");
  await using checks = await startWeakDouble("checks-then-writes");
  const statuses = async (endpoint: string) => {
    const race = [1, 2].map(() => send(`${endpoint}/bucket/a`, { headers }));
    return (await Promise.all(race)).map(({ status }) => status);
  };
  assert.deepEqual(await statuses(ignores.endpoint), [200, 200]);
  assert.deepEqual(await statuses(checks.endpoint), [200, 200]);
  assert.deepEqual(await statuses(checks.endpoint), [412, 412]);
  await using drops = await startWeakDouble("drops-metadata", { bucket: "b" });
  assert.equal((await send(`${drops.endpoint}/b/a`, { headers })).status, 200);
  assert.equal(drops.objects.get("a")!.headers["x-amz-meta-a"], undefined);
  const wrong = {
    body: BODY,
    headers: { "x-amz-checksum-sha256": sha256("base64", new Uint8Array()) },
  };
  await using accepts = await startWeakDouble("accepts-wrong-checksum");
  assert.equal((await send(`${accepts.endpoint}/bucket/a`, wrong)).status, 200);
  assert.match((await send(`${checks.endpoint}/bucket/b`, wrong)).body, /BadDigest/);
});

Deno.test("startMinio() serves an S3Admin, and a role that may only write", async () => {
  await using minio = await startMinio();
  const admin = new S3Admin(minio);
  const [bucket, key] = ["bucket", "a=1/b c+d'(é)"];
  await admin.createBucket(bucket, { objectLock: true });
  const bytes = BODY.slice(0, 1000);
  const checksum = sha256("base64", bytes);
  await admin.put(bucket, key, bytes, { "x-amz-checksum-sha256": checksum });
  assert.deepEqual(await admin.get(bucket, key), bytes);
  assert.equal((await admin.head(bucket, key))?.get("x-amz-checksum-sha256"), checksum);
  assert.deepEqual(await admin.list(bucket, "a=1/"), [key]);
  const role = await admin.assumeRole({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Action: "s3:PutObject", Resource: `arn:aws:s3:::${bucket}/*` }],
  });
  const writer = new S3Admin({ ...minio, ...role });
  await writer.put(bucket, "c", bytes);
  await assert.rejects(writer.get(bucket, "c"), /AccessDenied/);
  await admin.remove(bucket, key);
  assert.equal(await admin.get(bucket, key), null);
  assert.equal(await admin.head(bucket, key), null);
  await using proxy = await startProxy("127.0.0.1", Number(new URL(minio.endpoint).port));
  const proxied = new S3Admin({ ...minio, endpoint: proxy.endpoint });
  assert.deepEqual(await proxied.get(bucket, "c"), bytes);
});

Deno.test("startMinio() serves TLS that only its own authority vouches for", async () => {
  await using certificates = await makeCertificates();
  await using minio = await startMinio({ tls: certificates });
  using client = Deno.createHttpClient({
    caCerts: [await Deno.readTextFile(certificates.caFile)],
  });
  await new S3Admin({ ...minio, client }).createBucket("bucket");
  await assert.rejects(new S3Admin(minio).createBucket("bucket"), TypeError);
});

Deno.test("startMinio() says why MinIO did not come up", async () => {
  const env = { MINIO_KMS_SECRET_KEY: "no key at all" };
  await assert.rejects(startMinio({ env }), /MinIO ended with status 1: .*invalid secret key/);
});
