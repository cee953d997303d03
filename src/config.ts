/**
 * A store from a configuration, and a configuration from the environment.
 *
 * @module
 */
import type { BlobDriver } from "./drivers/driver.ts";
import fs, { type FsDriverOptions } from "./drivers/fs.ts";
import gcs, { type GcsDriverOptions } from "./drivers/gcs.ts";
import s3, { type S3DriverOptions } from "./drivers/s3.ts";
import { BronzeError } from "./errors.ts";
import { BronzeStore } from "./store.ts";
import type { StoreOptions } from "./store_options.ts";

/** Which backend a store writes to, and how. */
export type StorageConfig =
  & StoreOptions
  & (
    | ({ backend: "local" } & FsDriverOptions)
    | ({ backend: "s3" } & S3DriverOptions)
    | ({ backend: "gcs" } & GcsDriverOptions)
  );

/** Where environment variables are read from: `Deno.env`, or a `Map` in a test. */
export interface Environment {
  /** The value of a variable; undefined when it is not set. */
  get(name: string): string | undefined;
}

/**
 * Opens a store. Nothing is read or written yet.
 *
 * @param config The backend, its options, and those of the store.
 * @returns The store.
 * @throws {BronzeError} `invalid_config` when the backend is unknown or an option is not allowed.
 *
 * @example
 * ```ts
 * import { openStore } from "@obsrvr/bronze-store";
 * import assert from "node:assert/strict";
 *
 * const store = openStore({ backend: "local", base: "./output" });
 * const ref = {
 *   network: "pubnet", eraId: "pre_p23", versionLabel: "v1",
 *   table: "ledgers_lcm_raw", ledgerStart: 0, ledgerEnd: 9999,
 * };
 * assert.equal(store.uri(ref), "./output/pubnet/pre_p23/v1/ledgers_lcm_raw/range=0-9999/");
 * ```
 */
export function openStore(config: StorageConfig): BronzeStore {
  const driver = driverOf(config);
  const prefix = config.prefix ?? (config.backend === "local" ? "" : BUCKET_PREFIX);
  return new BronzeStore({
    driver,
    prefix: prefix.replace(/^\/+|\/+$/g, ""),
    allowOverwrite: config.allowOverwrite,
    requireAtomicCreate: config.requireAtomicCreate,
    onEvent: config.onEvent,
  });
}

/** In a bucket, which others may share, partitions lie below this unless told otherwise. */
const BUCKET_PREFIX = "bronze";

function driverOf(config: StorageConfig): BlobDriver {
  switch (config.backend) {
    case "local":
      return fs(config);
    case "s3":
      return s3(config);
    case "gcs":
      return gcs(config);
    default:
      throw unknownBackend((config as { backend: unknown }).backend);
  }
}

/**
 * Reads the configuration of the command line from environment variables: `STORAGE_BACKEND` first, then
 * only those of that backend.
 *
 * Needs `--allow-env` for those variables.
 *
 * @param env Where they are read from.
 * @returns The configuration, for {@linkcode openStore}.
 * @throws {BronzeError} `invalid_config` when a value is not allowed or two spellings disagree;
 * `not_capable` when the permission is missing.
 *
 * @example
 * ```ts
 * import { configFromEnv } from "@obsrvr/bronze-store";
 * import assert from "node:assert/strict";
 *
 * const config = configFromEnv(new Map([["LOCAL_DIR", "/data"]]));
 * assert.equal(config.backend, "local");
 * assert.equal(config.base, "/data");
 * ```
 */
export function configFromEnv(env: Environment = Deno.env): StorageConfig {
  const read = reader(env);
  const backend = read("STORAGE_BACKEND") ?? "local";
  const allowOverwrite = readBoolean(read, "ALLOW_OVERWRITE");
  const prefix = read("STORAGE_PREFIX");
  switch (backend) {
    case "local": {
      const base = read("LOCAL_DIR", "STORAGE_LOCAL_DIR");
      // The Go copier puts "bronze" below its own variable, and users of LOCAL_DIR expect nothing there.
      const copiers = read("LOCAL_DIR") === undefined && base !== undefined;
      return {
        backend,
        base: base ?? "./output",
        prefix: prefix ?? (copiers ? "bronze" : ""),
        allowOverwrite,
      };
    }
    case "s3": {
      const endpoint = read("S3_ENDPOINT", "STORAGE_S3_ENDPOINT") ??
        read("AWS_ENDPOINT_URL_S3") ?? read("AWS_ENDPOINT_URL");
      return {
        backend,
        bucket: required(read, "S3_BUCKET", "STORAGE_S3_BUCKET"),
        endpoint,
        region: read("S3_REGION", "STORAGE_S3_REGION") ?? read("AWS_REGION") ??
          read("AWS_DEFAULT_REGION"),
        accessKeyId: read("AWS_ACCESS_KEY_ID"),
        secretAccessKey: read("AWS_SECRET_ACCESS_KEY"),
        sessionToken: read("AWS_SESSION_TOKEN"),
        ca: endpoint?.startsWith("http:") ? undefined : authorities(read, "AWS_CA_BUNDLE"),
        prefix: prefix ?? BUCKET_PREFIX,
        allowOverwrite,
      };
    }
    case "gcs":
      return {
        backend,
        bucket: required(read, "GCS_BUCKET", "STORAGE_GCS_BUCKET"),
        endpoint: read("GCS_ENDPOINT") ?? emulator(read("STORAGE_EMULATOR_HOST")),
        accessKeyId: read("GCS_HMAC_ACCESS_ID"),
        secretAccessKey: read("GCS_HMAC_SECRET"),
        prefix: prefix ?? BUCKET_PREFIX,
        allowOverwrite,
      };
    default:
      throw unknownBackend(backend);
  }
}

type Read = (...spellings: string[]) => string | undefined;

/** Reads a variable under any of its spellings; those that are set must agree. */
function reader(env: Environment): Read {
  return (...spellings) => {
    const set = spellings.flatMap((name): [string, string][] => {
      const value = readOne(env, name);
      return value ? [[name, value]] : [];
    });
    const [first] = set;
    const other = set.find(([, value]) => value !== first?.[1]);
    if (first && other) {
      throw new BronzeError(
        "invalid_config",
        `Cannot choose between ${first[0]}=${first[1]} and ${other[0]}=${
          other[1]
        }: they mean the same thing; set one`,
      );
    }
    return first?.[1];
  };
}

function readOne(env: Environment, name: string): string | undefined {
  try {
    return env.get(name);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotCapable)) throw cause;
    throw new BronzeError(
      "not_capable",
      `Cannot read the environment variable ${name}: run again with --allow-env=${name}, or with --allow-env`,
      { cause },
    );
  }
}

function required(read: Read, ...spellings: string[]): string {
  const value = read(...spellings);
  if (value === undefined) {
    throw new BronzeError("invalid_config", `Cannot choose a bucket: set ${spellings[0]}`);
  }
  return value;
}

/** Google's own variable may be a host without a scheme. */
function emulator(host: string | undefined): string | undefined {
  return host === undefined || host.includes("://") ? host : `http://${host}`;
}

/** The certificates that Amazon's own variable names, https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-envvars.html */
function authorities(read: Read, name: string): string | undefined {
  const file = read(name);
  if (file === undefined) return;
  try {
    return Deno.readTextFileSync(file);
  } catch (cause) {
    throw new BronzeError(
      cause instanceof Deno.errors.NotCapable ? "not_capable" : "invalid_config",
      `Cannot read the certificates that ${name} names: ${
        cause instanceof Error ? cause.message : cause
      }`,
      { cause },
    );
  }
}

function readBoolean(read: Read, name: string): boolean {
  const value = read(name);
  if (value === undefined || value === "false" || value === "0") return false;
  if (value === "true" || value === "1") return true;
  throw new BronzeError(
    "invalid_config",
    `Cannot use ${name}=${JSON.stringify(value)}: it takes true, 1, false or 0`,
  );
}

function unknownBackend(backend: unknown): BronzeError {
  return new BronzeError(
    "invalid_config",
    `Cannot use the storage backend ${JSON.stringify(backend)}: it takes local, s3 or gcs`,
  );
}
