import s3 from "../../src/drivers/s3.ts";
import { S3Admin } from "../servers/s3_admin.ts";
import type { Harness, Place } from "./harness.ts";

/** The MinIO that `with_servers.ts` has started, or that the environment names. */
export function minio(): Record<
  "endpoint" | "accessKeyId" | "secretAccessKey" | "region",
  string
> {
  const read = (name: string) => {
    const value = Deno.env.get(name);
    if (!value) throw new Error(`${name} is not set: run the tests by "deno task test"`);
    return value;
  };
  return {
    endpoint: read("MINIO_ENDPOINT"),
    accessKeyId: read("MINIO_ROOT_USER"),
    secretAccessKey: read("MINIO_ROOT_PASSWORD"),
    region: "us-east-1",
  };
}

/** A new bucket on MinIO, reached past the driver by `admin`. */
export async function newBucket(
  options: { objectLock?: boolean } = {},
): Promise<{ bucket: string; admin: S3Admin }> {
  const admin = new S3Admin(minio());
  const bucket = `test-${crypto.randomUUID()}`;
  await admin.createBucket(bucket, options);
  return { bucket, admin };
}

/** A driver over a new bucket on MinIO. */
export const MINIO: Harness = {
  name: "s3",
  createsAtomically: true,
  keepsMetadata: true,
  async place(): Promise<Place> {
    const { bucket, admin } = await newBucket();
    return {
      driver: s3({ ...minio(), bucket }),
      read: (key) => admin.get(bucket, key),
      write: (key, bytes) => admin.put(bucket, key, bytes.slice()),
      remove: (key) => admin.remove(bucket, key),
      list: () => admin.list(bucket),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  },
};
