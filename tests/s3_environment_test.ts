// What surrounds a publish to S3: permissions, secrets, certificates, and the command line.
import assert from "node:assert/strict";
import { configFromEnv, openStore } from "@obsrvr/bronze-store";
import s3 from "../src/drivers/s3.ts";
import { bronze, type CliRun } from "./helpers/cli.ts";
import { minio, newBucket } from "./helpers/minio_harness.ts";
import { parquetOf } from "./helpers/parquet.ts";
import { DIRECTORY, PRODUCER, REF } from "./helpers/partition.ts";
import { type Certificates, makeCertificates } from "./servers/certificate.ts";
import { startMinio } from "./servers/minio.ts";
import { S3Admin } from "./servers/s3_admin.ts";

const VARIABLES = [
  "STORAGE_BACKEND",
  "STORAGE_PREFIX",
  "ALLOW_OVERWRITE",
  "S3_BUCKET",
  "S3_ENDPOINT",
  "S3_REGION",
  "STORAGE_S3_BUCKET",
  "STORAGE_S3_ENDPOINT",
  "STORAGE_S3_REGION",
  "AWS_ENDPOINT_URL_S3",
  "AWS_ENDPOINT_URL",
  "AWS_REGION",
  "AWS_DEFAULT_REGION",
  "AWS_ACCESS_KEY_ID",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "AWS_CA_BUNDLE",
  "NETWORK",
  "ERA_ID",
  "VERSION_LABEL",
].join();

function environment(
  server: { endpoint: string; accessKeyId: string; secretAccessKey: string },
  bucket: string,
): Record<string, string> {
  return {
    STORAGE_BACKEND: "s3",
    S3_BUCKET: bucket,
    S3_ENDPOINT: server.endpoint,
    AWS_ACCESS_KEY_ID: server.accessKeyId,
    AWS_SECRET_ACCESS_KEY: server.secretAccessKey,
    AWS_CA_BUNDLE: "",
    NODE_EXTRA_CA_CERTS: "",
  };
}

Deno.test("dry-run publishes under its own label, and a second one is unchanged", async () => {
  const { bucket } = await newBucket();
  const env = environment(minio(), bucket);
  const first = await bronze(["dry-run"], { env });
  assert.equal(first.code, 0, first.stderr);
  const directory = DIRECTORY.replace("/v1/", "/dry-run/");
  assert.match(
    first.stdout,
    new RegExp(`^\\[storage\\] writing to s3://${bucket}/bronze/${directory}/\n`),
  );
  assert.match((await bronze(["dry-run"], { env })).stdout, /^\[storage\] unchanged s3:/);
});

for (const extra of ["", "/etc/ssl/certs/ca-certificates.crt"]) {
  Deno.test(`the command line needs net to the host and its variables, NODE_EXTRA_CA_CERTS=${extra}`, async () => {
    const { bucket } = await newBucket();
    const file = await Deno.makeTempFile();
    await Deno.writeFile(file, parquetOf());
    const { host } = new URL(minio().endpoint);
    const permissions = [`--allow-net=${host}`, `--allow-env=${VARIABLES}`, `--allow-read=${file}`];
    const env = { ...environment(minio(), bucket), NODE_EXTRA_CA_CERTS: extra };
    const args = ["--table", "ledgers_lcm_raw", "--start", "0", "--end", "9999"];
    for (const command of [["put", file], ["exists"], ["show"], ["verify"]]) {
      const { code, stderr } = await bronze([...command, ...args], { permissions, env });
      assert.equal(code, 0, stderr);
    }
    const denied = permissions.with(0, "--allow-net=example.invalid");
    const { code, stderr } = await bronze(["exists", ...args], { permissions: denied, env });
    assert.equal(code, 1);
    assert.match(stderr, /--allow-net/);
    await Deno.remove(file);
  });
}

Deno.test("no secret shows in an error, a line, an object or an inspection", async () => {
  const { bucket } = await newBucket();
  const secret = "TOPSECRETKEY0123456789";
  const token = "TOPSECRETTOKEN";
  const config = {
    backend: "s3",
    ...minio(),
    bucket,
    secretAccessKey: secret,
    sessionToken: token,
  } as const;
  const store = openStore(config);
  const error = await store.publish(REF, parquetOf(), { producer: PRODUCER }).catch((error) =>
    error
  );
  const shown =
    [error, error.stack, store, s3(config), store.uri(REF)].map((value) =>
      Deno.inspect(value, { depth: 20, showHidden: true })
    ).join("\n") + JSON.stringify(error) + JSON.stringify(store);
  assert.doesNotMatch(shown, /TOPSECRET/);

  const env = {
    ...environment(minio(), bucket),
    AWS_SECRET_ACCESS_KEY: secret,
    AWS_SESSION_TOKEN: token,
  };
  const { code, stdout, stderr } = await bronze(["dry-run", "--json"], { env });
  assert.equal(code, 1);
  assert.doesNotMatch(stdout + stderr, /TOPSECRET/);
});

Deno.test("configFromEnv() takes the region, the endpoint and the keys from Amazon's variables", () => {
  const config = configFromEnv(
    new Map(Object.entries({
      STORAGE_BACKEND: "s3",
      STORAGE_S3_BUCKET: "ledgers",
      AWS_ENDPOINT_URL: "http://localhost:9000",
      AWS_DEFAULT_REGION: "eu-west-1",
      AWS_ACCESS_KEY_ID: "id",
      AWS_SECRET_ACCESS_KEY: "secret",
    })),
  );
  assert.ok(config.backend === "s3");
  assert.equal(config.bucket, "ledgers");
  assert.equal(config.region, "eu-west-1");
  assert.equal(config.endpoint, "http://localhost:9000");
  assert.match(openStore(config).uri(REF), /^s3:\/\/ledgers\/bronze\/pubnet\//);
});

Deno.test("configFromEnv() needs a bucket, and refuses two spellings that disagree", () => {
  const config = (env: Record<string, string>) => () =>
    configFromEnv(new Map(Object.entries({ STORAGE_BACKEND: "s3", ...env })));
  assert.throws(config({}), { code: "invalid_config", message: /set S3_BUCKET/ });
  assert.throws(config({ S3_BUCKET: "a", STORAGE_S3_BUCKET: "b" }), { code: "invalid_config" });
});

Deno.test("over TLS with a private authority", async (t) => {
  await using certificates = await makeCertificates();
  await using other = await makeCertificates();
  await using server = await startMinio({ tls: certificates });
  using client = Deno.createHttpClient({ caCerts: [await Deno.readTextFile(certificates.caFile)] });
  const admin = new S3Admin({ ...server, client });
  await admin.createBucket("ledgers");
  const dryRun = (env: Record<string, string>): Promise<CliRun> =>
    bronze(["dry-run"], {
      permissions: ["-R", "-E", "-N", "--allow-sys"],
      env: { ...environment(server, "ledgers"), SSL_CERT_FILE: "", ...env },
    });
  const trusting = ({ caFile }: Certificates): Record<string, Record<string, string>> => ({
    NODE_EXTRA_CA_CERTS: { NODE_EXTRA_CA_CERTS: caFile },
    AWS_CA_BUNDLE: { AWS_CA_BUNDLE: caFile },
    "DENO_TLS_CA_STORE=system": { DENO_TLS_CA_STORE: "system", SSL_CERT_FILE: caFile },
  });
  for (const [name, env] of Object.entries(trusting(certificates))) {
    await t.step(`${name} works`, async () => {
      const { code, stderr } = await dryRun(env);
      assert.equal(code, 0, stderr);
    });
  }
  for (const [name, env] of Object.entries({ none: {}, ...trusting(other) })) {
    await t.step(`${name}, of another authority, is refused and says what to set`, async () => {
      const { code, stderr } = await dryRun(env);
      assert.equal(code, 2);
      assert.match(stderr, /certificate is not trusted/);
      assert.match(stderr, /AWS_CA_BUNDLE or NODE_EXTRA_CA_CERTS, or set DENO_TLS_CA_STORE=system/);
    });
  }
  await t.step("the missing permission for NODE_EXTRA_CA_CERTS is named", async () => {
    const { code, stderr } = await bronze(["dry-run"], {
      permissions: ["-E", "-N"],
      env: { ...environment(server, "ledgers"), NODE_EXTRA_CA_CERTS: certificates.caFile },
    });
    assert.equal(code, 1);
    assert.match(stderr, /--allow-sys/);
  });
});
