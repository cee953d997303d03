import { minio, newBucket } from "../helpers/minio_harness.ts";
import { type Line, speed } from "../helpers/measure.ts";
import { makeCertificates } from "../servers/certificate.ts";

const LARGE = 512 * 1024 * 1024;
const SMALL = 64 * 1024;
const SMALL_COUNT = 1000;

interface Taken {
  seconds: number;
  cpuSeconds: number;
  peakMiB: number;
}

interface Target {
  name: string;
  endpoint: string;
  env: Record<string, string>;
}

/** The budgets of S3: to a sink in the clear and over TLS, and to MinIO. */
export async function benchS3(): Promise<Line[]> {
  await using certificates = await makeCertificates();
  await using clear = await startSink([]);
  await using secure = await startSink([certificates.certFile, certificates.keyFile]);
  const { bucket } = await newBucket();
  const { endpoint, accessKeyId, secretAccessKey } = minio();
  const ca = await Deno.readTextFile(certificates.caFile);
  const sink = { name: "a sink", endpoint: `http://127.0.0.1:${clear.port}`, env: {} };
  return [
    ...await benchLarge(sink),
    ...await benchLarge({
      name: "a sink over TLS",
      endpoint: `https://127.0.0.1:${secure.port}`,
      env: {
        NODE_EXTRA_CA_CERTS: certificates.caFile,
        DENO_CERT: certificates.caFile,
        BENCH_CA: ca,
      },
    }),
    ...await benchLarge({
      name: "MinIO",
      endpoint,
      env: {
        S3_BUCKET: bucket,
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_SECRET_ACCESS_KEY: secretAccessKey,
      },
    }),
    await benchSmall(sink),
  ];
}

async function benchLarge(target: Target): Promise<Line[]> {
  const ours = await client("ours", target, LARGE);
  const sdk = await client("aws-sdk", target, LARGE);
  const unstorage = await client("unstorage", target, LARGE);
  const cpu = (taken: Taken) => `${(taken.cpuSeconds / LARGE * 1e9).toFixed(2)} CPU s/GB`;
  const told = (taken: Taken) => `${speed(LARGE, taken.seconds)}, ${cpu(taken)}`;
  const lines = [
    {
      what: `publish of 512 MiB to ${target.name}, speed`,
      measured: told(ours),
      against: `@aws-sdk/client-s3: ${told(sdk)}`,
      ratio: (sdk.seconds / ours.seconds).toFixed(2),
      goal: target.name === "MinIO" ? "" : "at least 1.7",
    },
    {
      what: `publish of 512 MiB to ${target.name}, speed`,
      measured: told(ours),
      against: `unstorage's s3 driver: ${told(unstorage)}`,
      ratio: (unstorage.seconds / ours.seconds).toFixed(2),
      goal: "",
    },
    {
      what: `publish of 512 MiB to ${target.name}, memory above the body`,
      measured: `${ours.peakMiB.toFixed(0)} MiB`,
      against: `@aws-sdk/client-s3: ${sdk.peakMiB.toFixed(0)} MiB, unstorage: ${
        unstorage.peakMiB.toFixed(0)
      } MiB`,
      ratio: (ours.peakMiB / 512).toFixed(3),
      goal: target.endpoint.startsWith("https:") ? "64 MiB" : "32 MiB",
    },
  ];
  if (target.name === "MinIO") return lines;
  const hash = await client("hash", target, LARGE);
  const send = await client("send", target, LARGE);
  const apart = hash.seconds + send.seconds;
  return [...lines, {
    what: `publish of 512 MiB to ${target.name}, time`,
    measured: `${ours.seconds.toFixed(2)} s`,
    against: `hashing and sending apart: ${hash.seconds.toFixed(2)} + ${send.seconds.toFixed(2)} s`,
    ratio: (ours.seconds / apart).toFixed(2),
    goal: "1.05",
  }];
}

async function benchSmall(target: Target): Promise<Line> {
  const ours = await client("ours", target, SMALL, SMALL_COUNT, 16);
  const sdk = await client("aws-sdk", target, SMALL, SMALL_COUNT, 16);
  const rate = ({ seconds }: Taken) => `${(SMALL_COUNT / seconds).toFixed(0)}/s`;
  return {
    what: `64 KiB partitions to ${target.name}, 16 at a time`,
    measured: rate(ours),
    against: `the same four requests by @aws-sdk/client-s3: ${rate(sdk)}`,
    ratio: (sdk.seconds / ours.seconds).toFixed(2),
    goal: "nothing slower",
  };
}

async function client(
  name: string,
  { endpoint, env }: Target,
  size: number,
  times = 1,
  atOnce = 1,
): Promise<Taken> {
  const script = new URL("./_s3_client.ts", import.meta.url).pathname;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "-A", script, name, endpoint, String(size), String(times), String(atOnce)],
    env,
  }).output();
  if (!success) throw new Error(`${name}: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

async function startSink(args: string[]): Promise<{ port: number } & AsyncDisposable> {
  const script = new URL("./sink.ts", import.meta.url).pathname;
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "-A", script, ...args],
    stdout: "piped",
  }).spawn();
  const reader = process.stdout.getReader();
  const port = Number(new TextDecoder().decode((await reader.read()).value));
  return {
    port,
    async [Symbol.asyncDispose]() {
      process.kill();
      await process.status;
      await reader.cancel();
    },
  };
}
