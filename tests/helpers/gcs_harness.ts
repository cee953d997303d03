import gcs, { type GcsDriverOptions } from "../../src/drivers/gcs.ts";
import { type GcsDouble, type GcsDoubleOptions, startGcsDouble } from "../servers/gcs_double.ts";
import type { Harness } from "./harness.ts";
import type { ServiceHarness } from "./service.ts";

const BUCKET = "bucket";

/** The driver's options for a double. */
export function optionsFor(double: GcsDouble): GcsDriverOptions {
  return {
    bucket: BUCKET,
    endpoint: double.endpoint,
    accessKeyId: double.accessId,
    secretAccessKey: double.secret,
  };
}

function behind(double: GcsDouble) {
  return {
    read: (key: string) => Promise.resolve(double.objects.get(`${BUCKET}/${key}`)?.body ?? null),
    write: (key: string, bytes: Uint8Array) =>
      Promise.resolve(double.write(`${BUCKET}/${key}`, bytes)),
    remove: (key: string) => Promise.resolve(void double.objects.delete(`${BUCKET}/${key}`)),
    list: () =>
      Promise.resolve(
        [...double.objects.keys()].map((name) => name.slice(BUCKET.length + 1)).sort(),
      ),
    [Symbol.asyncDispose]: () => double[Symbol.asyncDispose](),
  };
}

/** A driver over a new double of Google's endpoint. */
export function gcsHarness(name: string, options: GcsDoubleOptions = {}): Harness {
  return {
    name,
    createsAtomically: true,
    keepsMetadata: options.keepMetadata ?? true,
    async place() {
      const double = await startGcsDouble(options);
      return { driver: gcs(optionsFor(double)), ...behind(double) };
    },
  };
}

/** A new double, as a service that a proxy can stand before. */
export const GCS_SERVICE: ServiceHarness = {
  name: "gcs",
  async service() {
    const double = await startGcsDouble();
    const { hostname, port } = new URL(double.endpoint);
    return {
      host: hostname,
      port: Number(port),
      config: (endpoint = double.endpoint) => ({
        ...optionsFor(double),
        backend: "gcs",
        endpoint,
        prefix: "",
      }),
      ...behind(double),
    };
  },
};
