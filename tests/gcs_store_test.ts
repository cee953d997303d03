import assert from "node:assert/strict";
import { BronzeStore, configFromEnv, openStore } from "@obsrvr/bronze-store";
import { Goog4Signer } from "../src/drivers/_goog4_signer.ts";
import gcs, { type GcsCredentials } from "../src/drivers/gcs.ts";
import { bronze, type CliRun } from "./helpers/cli.ts";
import { optionsFor } from "./helpers/gcs_harness.ts";
import { parquetOf } from "./helpers/parquet.ts";
import { checksumOf, DIRECTORY, MANIFEST, PARQUET, PRODUCER, REF } from "./helpers/partition.ts";
import { type GcsDouble, startGcsDouble } from "./servers/gcs_double.ts";
import { startMetadataServer } from "./servers/metadata_server.ts";

const options = { producer: PRODUCER };
const bytes = parquetOf({ seed: 1 });
const open = (double: GcsDouble) =>
  openStore({ backend: "gcs", ...optionsFor(double), prefix: "" });

Deno.test("GCSStore writes to the bucket, read back byte for byte", async () => {
  await using double = await startGcsDouble();
  const store = openStore({ backend: "gcs", ...optionsFor(double) });
  const { uri, version, etag } = await store.publish(REF, bytes, options);
  assert.equal(uri, `gs://bucket/bronze/${DIRECTORY}/`);
  const stored = double.objects.get(`bucket/bronze/${PARQUET}`)!;
  assert.deepEqual(stored.body, bytes);
  assert.equal(version, stored.generation);
  assert.equal(etag, stored.generation);
  assert.deepEqual([...double.objects.keys()].sort(), [
    `bucket/bronze/${MANIFEST}`,
    `bucket/bronze/${PARQUET}`,
  ]);
});

Deno.test("publish() stores the digest and the manifest with the object, and has the body verified", async () => {
  await using double = await startGcsDouble();
  await open(double).publish(REF, bytes, options);
  const stored = double.objects.get(`bucket/${PARQUET}`)!;
  assert.equal(stored.metadata.sha256, checksumOf(bytes).slice(7));
  const carried = Uint8Array.fromBase64(stored.metadata.manifest!, { alphabet: "base64url" });
  assert.deepEqual(carried, double.objects.get(`bucket/${MANIFEST}`)!.body);
  for (const { method, headers } of double.requests) {
    if (method !== "PUT") continue;
    assert.match(headers["x-goog-hash"]!, /^crc32c=/);
    assert.equal(headers["x-goog-if-generation-match"], "0");
    assert.deepEqual(Object.keys(headers).filter((name) => name.startsWith("x-amz-")), []);
    assert.equal(headers["if-none-match"], undefined);
  }
});

Deno.test("a body that arrives changed is refused by the store", async () => {
  await using double = await startGcsDouble();
  const driver = gcs({ ...optionsFor(double) });
  const digest = { ...await driver.digest(bytes), crc32c: "00000000" };
  await assert.rejects(driver.setItemRaw("a", bytes, { digest }), {
    code: "checksum_refused",
    retryable: true,
  });
  assert.equal(double.objects.size, 0);
});

// From ClickHouse's tests of its signer, which it reports to have run against the real service:
// https://github.com/ClickHouse/ClickHouse, src/IO/S3/tests/gtest_goog4_signer.cpp
for (
  const [method, path, headers, signature] of [
    [
      "PUT",
      "/test-bucket/dir/obj.txt",
      { "x-goog-if-generation-match": "0" },
      "4f82e49c69753329afd4768ccf1db6b472dbbd86d082a08b5b9f9fe368fb6ef6",
    ],
    [
      "GET",
      "/test-bucket/?versioning",
      {},
      "28a981c32acff334738b9ea1a0f82c28c9a1ccff5b6dc8fb92a2e6622c8db73f",
    ],
  ] as const
) {
  Deno.test(`the signature of ${method} ${path} is the known one`, async () => {
    const signer = new Goog4Signer({
      method,
      url: `https://storage.googleapis.com${path}`,
      headers: { ...headers, "x-goog-content-sha256": "UNSIGNED-PAYLOAD" },
      accessKeyId: "GOOGTESTACCESSKEY",
      secretAccessKey: "testsecretkey",
      datetime: "20260703T000000Z",
    });
    assert.equal(await signer.signature(), signature);
  });
}

for (
  const [code, status, expected] of [
    ["ExcessHeaderValues", 400, "unsupported"],
    ["SignatureDoesNotMatch", 403, "bad_credentials"],
    ["NoSuchBucket", 404, "no_such_bucket"],
    ["AccessDenied", 403, "cannot_tell"],
    ["RequestTimeTooSkewed", 403, "clock_skew"],
    ["SlowDown", 429, "throttled"],
    ["InternalError", 500, "unavailable"],
    ["ServiceUnavailable", 503, "unavailable"],
  ] as const
) {
  Deno.test(`Google's ${code} reads as ${expected}`, async () => {
    await using double = await startGcsDouble();
    double.rule(({ method }) => method === "GET" ? { answer: { status, code } } : undefined);
    const reading = open(double).inspect(REF);
    await assert.rejects(reading, {
      code: expected === "cannot_tell" ? "access_denied" : expected,
    });
  });
}

Deno.test("429 for a name that is written too often is throttled", async () => {
  await using double = await startGcsDouble();
  double.rule(({ method }) =>
    method === "PUT" ? { answer: { status: 429, code: "SlowDown" } } : undefined
  );
  await assert.rejects(open(double).publish(REF, bytes, options), {
    code: "throttled",
    retryable: true,
  });
});

Deno.test("a missing bucket is an error of its own, never a missing object", async () => {
  await using double = await startGcsDouble();
  const driver = gcs({ ...optionsFor(double), bucket: "no-such-bucket" });
  const store = new BronzeStore({ driver });
  for (
    const call of [
      () => store.publish(REF, bytes, options),
      () => driver.hasItem("a"),
      () => driver.setItemRaw("a", bytes),
    ]
  ) {
    await assert.rejects(call, { code: "no_such_bucket", message: /no-such-bucket/ });
  }
});

Deno.test("wrong keys and a wrong clock read as what they are", async () => {
  await using double = await startGcsDouble();
  for (const wrong of [{ accessKeyId: "GOOGNOBODY" }, { secretAccessKey: "wrong" }]) {
    const driver = gcs({ ...optionsFor(double), ...wrong });
    await assert.rejects(new BronzeStore({ driver }).publish(REF, bytes, options), {
      code: "bad_credentials",
    });
  }
});

Deno.test("a bearer token is asked for at each request, so that it can be renewed", async () => {
  await using double = await startGcsDouble({ tokens: ["token-1"] });
  let token = "token-1";
  const credentials = (): Promise<GcsCredentials> => Promise.resolve({ accessToken: token });
  const driver = gcs({ bucket: "bucket", endpoint: double.endpoint, credentials });
  const store = new BronzeStore({ driver });
  await store.publish(REF, bytes, options);
  double.removeToken("token-1");
  await assert.rejects(store.verify(REF), { code: "bad_credentials" });
  token = "token-2";
  double.addToken(token);
  assert.equal((await store.verify(REF)).state, "ok");
});

/** What may stand in the environment besides: nothing of this machine's own. */
function environment(double: GcsDouble, more: Record<string, string>): Record<string, string> {
  return { STORAGE_BACKEND: "gcs", GCS_BUCKET: "bucket", GCS_ENDPOINT: double.endpoint, ...more };
}

function assertPublished({ code, stdout, stderr }: CliRun, ...secrets: string[]): void {
  assert.equal(code, 0, stderr);
  assert.match(
    stdout,
    new RegExp(
      `^\\[storage\\] writing to gs://bucket/bronze/${DIRECTORY.replace("v1", "dry-run")}/\n`,
    ),
  );
  for (const secret of secrets) assert.ok(!(stdout + stderr).includes(secret));
}

Deno.test("dry-run with an HMAC key needs net to the host and its variables alone", async () => {
  await using double = await startGcsDouble();
  const env = environment(double, {
    GCS_HMAC_ACCESS_ID: double.accessId,
    GCS_HMAC_SECRET: double.secret,
  });
  const variables = [
    "STORAGE_BACKEND,STORAGE_PREFIX,ALLOW_OVERWRITE,GCS_BUCKET,STORAGE_GCS_BUCKET,GCS_ENDPOINT",
    "STORAGE_EMULATOR_HOST,GCS_HMAC_ACCESS_ID,GCS_HMAC_SECRET,NETWORK,ERA_ID",
  ].join();
  const permissions = [`--allow-net=${new URL(double.endpoint).host}`, `--allow-env=${variables}`];
  assertPublished(await bronze(["dry-run"], { env, permissions }), double.secret);
  const again = await bronze(["dry-run"], { env, permissions });
  assert.match(again.stdout, /^\[storage\] unchanged gs:/);
});

const ADC = ["-R", "-E", "-N=127.0.0.1", "--allow-sys"];

Deno.test("without a key the metadata server gives a token, as on Cloud Run and GKE", async () => {
  await using double = await startGcsDouble({ tokens: ["metadata-token"] });
  await using metadata = await startMetadataServer({ token: "metadata-token" });
  const env = environment(double, { GCE_METADATA_HOST: metadata.host });
  assertPublished(await bronze(["dry-run"], { env, permissions: ADC }), "metadata-token");
  assert.ok(metadata.issued() > 0);
});

Deno.test("without a key a service account's file gives a token, from its own token endpoint", async () => {
  await using double = await startGcsDouble({ tokens: ["account-token"] });
  await using metadata = await startMetadataServer({ token: "account-token" });
  const file = await metadata.serviceAccountFile();
  const env = environment(double, { GOOGLE_APPLICATION_CREDENTIALS: file });
  const { private_key } = JSON.parse(await Deno.readTextFile(file));
  assertPublished(
    await bronze(["dry-run"], { env, permissions: ADC }),
    "account-token",
    private_key.split("\n")[1],
  );
});

Deno.test("no secret shows in an error, an object or an inspection", async () => {
  await using double = await startGcsDouble();
  const config = { backend: "gcs", ...optionsFor(double), secretAccessKey: "TOPSECRET" } as const;
  const store = openStore(config);
  const error = await store.publish(REF, bytes, options).catch((error) => error);
  const shown = [error, error.stack, store, gcs(config)].map((value) =>
    Deno.inspect(value, { depth: 20, showHidden: true })
  ).join("\n");
  assert.doesNotMatch(shown + JSON.stringify(error), /TOPSECRET/);
});

Deno.test("configFromEnv() takes an emulator's host with and without a scheme", () => {
  const endpointOf = (host: string) => {
    const env = {
      STORAGE_BACKEND: "gcs",
      STORAGE_GCS_BUCKET: "ledgers",
      STORAGE_EMULATOR_HOST: host,
    };
    const config = configFromEnv(new Map(Object.entries(env)));
    assert.ok(config.backend === "gcs");
    return config.endpoint;
  };
  assert.equal(endpointOf("localhost:4443"), "http://localhost:4443");
  assert.equal(endpointOf("https://localhost:4443"), "https://localhost:4443");
});

Deno.test("configFromEnv() needs a bucket, and gcs() both halves of a key", () => {
  const env = new Map([["STORAGE_BACKEND", "gcs"]]);
  assert.throws(() => configFromEnv(env), { code: "invalid_config", message: /set GCS_BUCKET/ });
  assert.throws(() => gcs({ bucket: "ledgers", accessKeyId: "id" }), {
    code: "invalid_config",
    message: /GCS_HMAC_SECRET/,
  });
});
