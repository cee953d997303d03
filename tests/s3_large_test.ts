import assert from "node:assert/strict";
import { memoryOf } from "./helpers/memory.ts";
import { minio, newBucket } from "./helpers/minio_harness.ts";

Deno.test("2 GiB arrive whole, in little memory above the body, and are verified", async () => {
  const { bucket } = await newBucket();
  const { endpoint, accessKeyId, secretAccessKey } = minio();
  const memory = await memoryOf(2 ** 31, {
    STORAGE_BACKEND: "s3",
    S3_BUCKET: bucket,
    S3_ENDPOINT: endpoint,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
  });
  console.log("MiB above 2 GiB:", memory);
  // The budget is 32 MiB; twice that leaves room for what V8 frees late.
  assert.ok(memory.publish < 64, JSON.stringify(memory));
});
