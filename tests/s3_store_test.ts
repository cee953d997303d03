import assert from "node:assert/strict";
import { BronzeStore, openStore, type S3DriverOptions } from "@obsrvr/bronze-store";
import { bucketUrlOf, storeAt } from "../src/drivers/_s3_stores.ts";
import s3 from "../src/drivers/s3.ts";
import { bronze } from "./helpers/cli.ts";
import { minio, newBucket } from "./helpers/minio_harness.ts";
import { parquetOf } from "./helpers/parquet.ts";
import { checksumOf, DIRECTORY, MANIFEST, PARQUET, PRODUCER, REF } from "./helpers/partition.ts";
import { startB2Double, startR2Double } from "./servers/s3_doubles.ts";
import { startProxy } from "./servers/tcp_proxy.ts";

const options = { producer: PRODUCER };
const bytes = parquetOf({ seed: 1 });
const open = (driver: Partial<S3DriverOptions> & { bucket: string }) =>
  openStore({ backend: "s3", ...minio(), prefix: "", ...driver });

Deno.test("S3Store writes to the bucket, read back byte for byte", async () => {
  const { bucket, admin } = await newBucket();
  const store = openStore({ backend: "s3", ...minio(), bucket });
  const { uri } = await store.publish(REF, bytes, options);
  assert.equal(uri, `s3://${bucket}/bronze/${DIRECTORY}/`);
  assert.deepEqual(await admin.get(bucket, `bronze/${PARQUET}`), bytes);
  assert.deepEqual(await admin.list(bucket), [`bronze/${MANIFEST}`, `bronze/${PARQUET}`]);
});

Deno.test("publish() stores the media type, the SHA-256 and the manifest with the object", async () => {
  const { bucket, admin } = await newBucket();
  const result = await open({ bucket }).publish(REF, bytes, options);
  const head = (await admin.head(bucket, PARQUET))!;
  const hex = checksumOf(bytes).slice(7);
  assert.equal(head.get("content-type"), "application/vnd.apache.parquet");
  assert.equal(head.get("x-amz-checksum-sha256"), Uint8Array.fromHex(hex).toBase64());
  assert.equal(head.get("x-amz-meta-sha256"), hex);
  const carried = Uint8Array.fromBase64(head.get("x-amz-meta-manifest")!, {
    alphabet: "base64url",
  });
  assert.deepEqual(carried, await admin.get(bucket, MANIFEST));
  assert.equal(result.etag, head.get("etag"));
  assert.equal((await admin.head(bucket, MANIFEST))?.get("content-type"), "application/json");
});

Deno.test("a missing bucket is an error of its own, never a missing object", async () => {
  const driver = s3({ ...minio(), bucket: "there-is-no-such-bucket" });
  const store = new BronzeStore({ driver });
  for (
    const call of [
      () => store.publish(REF, bytes, options),
      () => store.exists(REF),
      () => driver.hasItem("a"),
      () => driver.getMeta("a"),
      () => driver.getItemRaw("a"),
      () => driver.setItemRaw("a", bytes),
    ]
  ) {
    await assert.rejects(call, { code: "no_such_bucket", message: /there-is-no-such-bucket/ });
  }
});

Deno.test("wrong keys read as what they are", async () => {
  const { bucket } = await newBucket();
  for (const wrong of [{ accessKeyId: "nobody" }, { secretAccessKey: "wrong-secret" }]) {
    await assert.rejects(open({ bucket, ...wrong }).publish(REF, bytes, options), {
      code: "bad_credentials",
      retryable: false,
    });
  }
});

for (
  const [code, status, expected, advice] of [
    ["RequestTimeTooSkewed", 403, "clock_skew", /clock is wrong/],
    ["AuthorizationHeaderMalformed", 400, "wrong_region", /S3_REGION=eu-west-9/],
    ["InvalidObjectState", 403, "archived", /InvalidObjectState/],
    ["ExpiredToken", 400, "bad_credentials", /expired/],
    ["NotImplemented", 501, "unsupported", /NotImplemented/],
  ] as const
) {
  Deno.test(`${code} reads as ${expected}, with the request id`, async () => {
    const { bucket } = await newBucket();
    const { hostname, port } = new URL(minio().endpoint);
    await using proxy = await startProxy(hostname, Number(port));
    const body =
      `<Error><Code>${code}</Code><Message>As told</Message><Region>eu-west-9</Region></Error>`;
    const headers = { "x-amz-request-id": "REQUEST7" };
    proxy.rule(({ method }) =>
      method === "GET" ? { answer: { status, body, headers } } : undefined
    );
    const store = open({ bucket, endpoint: proxy.endpoint });
    await assert.rejects(store.publish(REF, bytes, options), (error: Error & { code: string }) => {
      assert.equal(error.code, code === "AuthorizationHeaderMalformed" ? "wrong_region" : expected);
      assert.match(error.message, /REQUEST7/);
      assert.match(error.message, new RegExp(`status ${status}`));
      assert.match(error.message, advice);
      return true;
    });
  });
}

Deno.test("a role that may only put can publish; its duplicate cannot be compared", async () => {
  const { bucket, admin } = await newBucket();
  const role = await admin.assumeRole({
    Version: "2012-10-17",
    Statement: [{
      Effect: "Allow",
      Action: ["s3:PutObject"],
      Resource: [`arn:aws:s3:::${bucket}/*`],
    }],
  });
  const store = open({ bucket, ...role });
  assert.equal((await store.publish(REF, bytes, options)).status, "created");
  assert.deepEqual(await admin.list(bucket), [MANIFEST, PARQUET]);
  await assert.rejects(store.publish(REF, bytes, options), {
    code: "cannot_compare",
    message: /s3:GetObject/,
  });
  await assert.rejects(store.exists(REF), { code: "access_denied" });
});

Deno.test("credentials are asked for when each request is signed", async () => {
  const { bucket } = await newBucket();
  let asked = 0;
  const { accessKeyId, secretAccessKey } = minio();
  const credentials = () => {
    asked++;
    return Promise.resolve({ accessKeyId, secretAccessKey });
  };
  const given = { bucket, credentials, accessKeyId: undefined, secretAccessKey: undefined };
  await open(given).publish(REF, bytes, options);
  assert.equal(asked, 4);
  const failing = () => Promise.reject(new Error("no identity"));
  await assert.rejects(open({ ...given, credentials: failing }).publish(REF, bytes, options), {
    code: "bad_credentials",
    message: /no identity/,
  });
});

Deno.test("without keys Amazon's own chain is asked, as for a profile", async () => {
  const { bucket } = await newBucket();
  const home = await Deno.makeTempDir();
  const { accessKeyId, secretAccessKey, endpoint } = minio();
  await Deno.writeTextFile(
    `${home}/credentials`,
    `[ledgers]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`,
  );
  const { code, stdout, stderr } = await bronze(["dry-run"], {
    permissions: ["-R", "-E", "-N", "--allow-sys"],
    env: {
      STORAGE_BACKEND: "s3",
      S3_BUCKET: bucket,
      S3_ENDPOINT: endpoint,
      AWS_SHARED_CREDENTIALS_FILE: `${home}/credentials`,
      AWS_PROFILE: "ledgers",
    },
  });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /wrote _manifest\.json/);
  await Deno.remove(home, { recursive: true });
});

Deno.test("B2, which cannot create conditionally: works, warns, and is refused where it must", async () => {
  await using b2 = await startB2Double();
  const warnings: string[] = [];
  const b2Options = {
    bucket: "bucket",
    endpoint: b2.endpoint,
    conditionalCreate: false,
    checksums: false,
  };
  const config = { backend: "s3", ...minio(), ...b2Options, prefix: "" } as const;
  const store = openStore({
    ...config,
    onEvent: ({ type, message }) => type === "warning" && warnings.push(message!),
  });
  assert.equal((await store.publish(REF, bytes, options)).status, "created");
  assert.equal((await store.publish(REF, bytes, options)).status, "unchanged");
  const other = parquetOf({ seed: 2 });
  await assert.rejects(store.publish(REF, other, options), { code: "partition_exists" });
  assert.equal((await store.verify(REF)).state, "ok");
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /weaker/);
  assert.throws(() => openStore({ ...config, requireAtomicCreate: true }), { code: "unsupported" });
});

Deno.test("B2: bytes of another writer that landed over ours are no success", async () => {
  await using b2 = await startB2Double();
  const { hostname, port } = new URL(b2.endpoint);
  await using proxy = await startProxy(hostname, Number(port));
  const other = parquetOf({ seed: 2 });
  // The other writer's PUT lands between our PUT and the look after it.
  proxy.rule(({ method }) => {
    const [name, object] = [...b2.objects].find(([key]) => key.endsWith(".parquet")) ?? [];
    if (method === "HEAD" && name && object) {
      b2.objects.set(name, {
        ...object,
        body: other,
        headers: { etag: '"other"', "content-length": String(other.byteLength) },
      });
    }
    return undefined;
  });
  const store = openStore({
    backend: "s3",
    ...minio(),
    bucket: "bucket",
    endpoint: proxy.endpoint,
    conditionalCreate: false,
    checksums: false,
    prefix: "",
  });
  const error = await store.publish(REF, bytes, options).catch((error) => error);
  assert.equal(error.code, "partition_exists", error.message);
  assert.equal(error.manifest.tables.ledgers_lcm_raw.checksum, checksumOf(other));
});

Deno.test("R2, which never answers 100: a large body costs one wait, and only the first time", async () => {
  await using r2 = await startR2Double();
  const driver = s3({ ...minio(), bucket: "bucket", endpoint: r2.endpoint });
  const body = new Uint8Array(2_000_000);
  const timeOf = async (key: string) => {
    const began = performance.now();
    await driver.setItemRaw(key, body);
    return performance.now() - began;
  };
  await timeOf("a");
  await timeOf("b");
  const [first, second] = r2.requests.filter(({ method }) => method === "PUT");
  assert.equal(first?.headers.expect, "100-continue");
  assert.equal(second?.headers.expect, undefined);
});

Deno.test("addresses: by path below an endpoint, by host at AWS, by path for a name with dots", () => {
  const address = (endpoint: string | undefined, bucket: string, region: string) =>
    bucketUrlOf(endpoint === undefined ? undefined : new URL(endpoint), bucket, region).href;
  assert.equal(address("http://127.0.0.1:9000", "ledgers", ""), "http://127.0.0.1:9000/ledgers/");
  assert.equal(address("https://host/below/", "ledgers", ""), "https://host/below/ledgers/");
  const aws = "eu-west-1.amazonaws.com";
  assert.equal(address(undefined, "ledgers", "eu-west-1"), `https://ledgers.s3.${aws}/`);
  assert.equal(address(undefined, "my.ledgers", "eu-west-1"), `https://s3.${aws}/my.ledgers/`);
  assert.equal(
    address(undefined, "ledgers", "cn-north-1"),
    "https://ledgers.s3.cn-north-1.amazonaws.com.cn/",
  );
});

Deno.test("what each store takes is known by its endpoint", () => {
  const at = (endpoint?: string) => storeAt(endpoint ? new URL(endpoint) : undefined, {});
  const all = { conditionalCreate: true, checksums: true, expectContinue: true };
  assert.deepEqual(at(), { ...all, region: "us-east-1" });
  assert.deepEqual(at("http://127.0.0.1:9000"), { ...all, region: "us-east-1" });
  assert.deepEqual(at("https://s3.eu-west-1.amazonaws.com"), { ...all, region: "eu-west-1" });
  assert.deepEqual(at("https://abc.r2.cloudflarestorage.com"), {
    ...all,
    expectContinue: false,
    region: "auto",
  });
  assert.deepEqual(at("https://s3.us-west-004.backblazeb2.com"), {
    conditionalCreate: false,
    checksums: false,
    expectContinue: true,
    region: "us-west-004",
  });
});

for (
  const [what, wrong] of [
    ["an endpoint that is no URL", { endpoint: "localhost" }],
    ["an endpoint with credentials", { endpoint: "https://user:hunter2@s3.example.com" }],
    ["an endpoint of another scheme", { endpoint: "ftp://s3.example.com" }],
    ["an empty bucket", { bucket: "" }],
    ["a bucket with a slash", { bucket: "a/b" }],
    ["a key without its secret", { secretAccessKey: undefined }],
    ["Google's endpoint", { endpoint: "https://storage.googleapis.com" }],
  ] as [string, Partial<S3DriverOptions>][]
) {
  Deno.test(`s3() refuses ${what}`, () => {
    assert.throws(
      () => s3({ ...minio(), bucket: "ledgers", ...wrong }),
      (error: Error & { code: string }) => {
        assert.equal(error.code, "invalid_config");
        assert.doesNotMatch(error.message, /hunter2/);
        return true;
      },
    );
  });
}
