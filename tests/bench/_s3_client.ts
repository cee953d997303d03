// One S3 client in a process of its own. Arguments: its name, the endpoint, the size of a body, how many
// bodies, how many at a time. Prints what it took.
import { BronzeStore } from "@obsrvr/bronze-store";
import process from "node:process";
import s3 from "../../src/drivers/s3.ts";
import { send } from "../../src/transport.ts";
import { digestBody } from "../../src/checksum.ts";
import { best, peakAbove } from "../helpers/measure.ts";
import { largeParquet } from "../helpers/parquet.ts";
import { PRODUCER, REF } from "../helpers/partition.ts";

const [name, endpoint = "", size, times, atOnce] = Deno.args;
const credentials = {
  accessKeyId: Deno.env.get("AWS_ACCESS_KEY_ID") ?? "sink",
  secretAccessKey: Deno.env.get("AWS_SECRET_ACCESS_KEY") ?? "sink-secret",
};
const bucket = Deno.env.get("S3_BUCKET") ?? "bucket";
const region = "us-east-1";
const bytes = largeParquet(Number(size));

type Put = (key: number) => Promise<unknown>;

/** Imported only where it is measured: it is 30 MB. */
async function awsSdk(): Promise<Put> {
  const specifier = "npm:@aws-sdk/client-s3@^3";
  const { S3Client, GetObjectCommand, HeadObjectCommand, PutObjectCommand } = await import(
    specifier
  );
  const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
  const manifest = bytes.subarray(0, 1000);
  // The same four requests, without anything else that a publish does.
  return async (key) => {
    const object = (name: string) => ({ Bucket: bucket, Key: `sdk/${key}/${name}` });
    await Promise.allSettled([
      client.send(new GetObjectCommand(object("manifest"))),
      client.send(new HeadObjectCommand(object("parquet"))),
    ]);
    await client.send(new PutObjectCommand({ ...object("parquet"), Body: bytes }));
    await client.send(new PutObjectCommand({ ...object("manifest"), Body: manifest }));
  };
}

async function unstorage(): Promise<Put> {
  const { default: driver } = await import("unstorage/drivers/s3");
  const storage = driver({ endpoint, region, bucket, ...credentials });
  return async (key) => await storage.setItemRaw!(`unstorage:${key}`, bytes, {});
}

function ours(): Put {
  const store = new BronzeStore({ driver: s3({ endpoint, region, bucket, ...credentials }) });
  // A store that keeps what it is given has the partitions of earlier runs.
  const first = Math.floor(Math.random() * 1e9);
  return (key) => store.publish({ ...REF, ledgerEnd: first + key }, bytes, { producer: PRODUCER });
}

async function sending(): Promise<void> {
  const response = await send({
    method: "PUT",
    url: new URL(`${endpoint}/${bucket}/send`),
    headers: { "content-length": String(bytes.byteLength) },
    body: bytes,
    idleTimeoutMs: 60_000,
    ca: Deno.env.get("BENCH_CA"),
  });
  for await (const _ of response.body);
}

const clients: Record<string, () => Put | Promise<Put>> = {
  ours,
  "aws-sdk": awsSdk,
  unstorage,
  hash: () => () => digestBody(bytes),
  send: () => sending,
};
const put = await clients[name!]!();
let next = 0;

async function all(): Promise<void> {
  const last = next + Number(times);
  await Promise.all(Array.from({ length: Number(atOnce) }, async () => {
    while (next < last) await put(next++);
  }));
}

const peakMiB = await peakAbove(all);
const before = process.cpuUsage();
const began = performance.now();
const seconds = Number(times) === 1 ? await best(5, all) : await best(1, all);
const wall = (performance.now() - began) / 1000;
const { user, system } = process.cpuUsage(before);
// What it took per second of the clock, applied to the best run.
const cpuSeconds = (user + system) / 1e6 / wall * seconds;
console.log(JSON.stringify({ seconds, cpuSeconds, peakMiB }));
Deno.exit(0);
