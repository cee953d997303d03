// deno task test:live: the conformance suites and the race against the real store in the environment, below
// a prefix that nothing else has. It removes only what its tests remove, and says what it left behind.
import { AwsClient } from "aws4fetch";
import { configFromEnv, type StorageConfig } from "@obsrvr/bronze-store";
import { driverConformance } from "../conformance/driver.ts";
import { raceConformance } from "../conformance/race.ts";
import { storeConformance } from "../conformance/store.ts";
import type { Place } from "../helpers/harness.ts";
import { gcsCredentials } from "../../src/drivers/_gcs_credentials.ts";
import { Goog4Signer } from "../../src/drivers/_goog4_signer.ts";
import { s3Credentials } from "../../src/drivers/_s3_credentials.ts";
import type { BlobDriver } from "../../src/drivers/driver.ts";
import gcs from "../../src/drivers/gcs.ts";
import s3 from "../../src/drivers/s3.ts";

const config = configFromEnv();
if (config.backend === "local") throw new Error("Set STORAGE_BACKEND to s3 or gcs, and a bucket");
const root = `bronze-store-live-${crypto.randomUUID()}`;
const driver: BlobDriver = config.backend === "s3" ? s3(config) : gcs(config);
let places = 0;
addEventListener("unload", () => console.log(`left behind: ${driver.uri(root)}/`));

driverConformance({
  name: `live ${config.backend}`,
  createsAtomically: driver.createsAtomically,
  keepsMetadata: true,
  place,
});
storeConformance({
  name: `live ${config.backend}`,
  createsAtomically: driver.createsAtomically,
  keepsMetadata: true,
  place,
});
if (driver.createsAtomically) {
  raceConformance(`live ${config.backend}`, () => {
    const raced: StorageConfig = { ...config, prefix: `${root}/${places++}` };
    return Promise.resolve({ config: raced, [Symbol.asyncDispose]: () => Promise.resolve() });
  });
}

/** A place below a prefix of its own. It cannot list: it remembers the keys that were written. */
function place(): Promise<Place> {
  const prefix = `${root}/${places++}/`;
  const keys = new Set<string>();
  const full = (key: string) => prefix + key.replaceAll(":", "/");
  const checked = async (key: string) => {
    keys.add(key.replaceAll(":", "/"));
    return await driver.hasItem(full(key));
  };
  const below: BlobDriver = {
    ...driver,
    uri: (key) => driver.uri(full(key)),
    hasItem: (key, options) => driver.hasItem(full(key), options),
    getMeta: (key, options) => driver.getMeta(full(key), options),
    getItem: (key, options) => driver.getItem(full(key), options),
    getItemRaw: (key, options) => driver.getItemRaw(full(key), options),
    getItemStream: (key, options) => driver.getItemStream(full(key), options),
    setItem: (key, value, options) => (keys.add(key), driver.setItem(full(key), value, options)),
    setItemRaw: (
      key,
      value,
      options,
    ) => (keys.add(key), driver.setItemRaw(key === "" ? key : full(key), value, options)),
  };
  return Promise.resolve({
    driver: below,
    read: (key) => driver.getItemRaw(full(key)),
    async write(key, bytes) {
      keys.add(key);
      await driver.setItemRaw(full(key), bytes, { overwrite: true });
    },
    remove: (key) => remove(full(key)),
    async list() {
      const found: string[] = [];
      for (const key of [...keys].map((key) => key.replaceAll(":", "/"))) {
        // A key that the driver refuses was never written.
        if (await checked(key).catch(() => false)) found.push(key);
      }
      return [...new Set(found)].sort();
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
}

/** Removes an object, which the driver never does. */
async function remove(key: string): Promise<void> {
  const path = key.split("/").map(encodeURIComponent).join("/");
  const response = config.backend === "s3"
    ? await removeFromS3(path, config)
    : await removeFromGoogle(path);
  await response.body?.cancel();
  if (!response.ok) throw new Error(`Cannot remove ${key}: status ${response.status}`);
}

async function removeFromS3(
  path: string,
  options: Extract<StorageConfig, { backend: "s3" }>,
): Promise<Response> {
  const region = String(driver.options.region);
  const base = options.endpoint
    ? `${options.endpoint}/${options.bucket}`
    : `https://${options.bucket}.s3.${region}.amazonaws.com`;
  const client = new AwsClient({
    ...await s3Credentials(options)(),
    region,
    service: "s3",
    retries: 0,
  });
  return await client.fetch(`${base}/${path}`, { method: "DELETE" });
}

async function removeFromGoogle(path: string): Promise<Response> {
  const url = `${driver.options.endpoint}${driver.options.bucket}/${path}`;
  const given = await gcsCredentials(config as Extract<StorageConfig, { backend: "gcs" }>)();
  const headers = { "x-goog-content-sha256": "UNSIGNED-PAYLOAD" };
  return await fetch(url, {
    method: "DELETE",
    headers: "accessToken" in given
      ? { authorization: `Bearer ${given.accessToken}` }
      : (await new Goog4Signer({ ...given, method: "DELETE", url, headers }).sign()).headers,
  });
}
