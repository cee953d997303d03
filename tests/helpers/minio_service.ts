import { minio, newBucket } from "./minio_harness.ts";
import type { ServiceHarness } from "./service.ts";

/** A new bucket on MinIO, as a service that a proxy can stand before. */
export const MINIO_SERVICE: ServiceHarness = {
  name: "s3",
  async service() {
    const { bucket, admin } = await newBucket();
    const { hostname, port } = new URL(minio().endpoint);
    return {
      host: hostname,
      port: Number(port),
      config: (endpoint = minio().endpoint) => ({
        ...minio(),
        backend: "s3",
        bucket,
        endpoint,
        prefix: "",
      }),
      read: (key) => admin.get(bucket, key),
      write: (key, bytes) => admin.put(bucket, key, bytes.slice()),
      remove: (key) => admin.remove(bucket, key),
      list: () => admin.list(bucket),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  },
};
