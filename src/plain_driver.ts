/**
 * Any unstorage driver with raw reads and writes, used as best it can be.
 *
 * @module
 */
import { digestBody } from "./checksum.ts";
import type { BlobDriver, BlobMeta, WriteOptions } from "./drivers/driver.ts";
import { BronzeError } from "./errors.ts";

/** What a store needs of an unstorage driver; unstorage's own drivers and this module's have it. */
export interface PlainDriver {
  /** The driver's name. */
  name?: string;
  /** Whether of several writers that create one key at once exactly one succeeds. */
  createsAtomically?: boolean;
  /** Reads an object; `null` when there is none. */
  getItemRaw?(key: string, options: Record<string, unknown>): unknown;
  /** Writes an object. */
  setItemRaw?(key: string, value: Uint8Array, options: Record<string, unknown>): unknown;
}

/**
 * Makes a driver fit for a store. Ours already are; of others a create is a look and then a write, which
 * another writer can come between: `createsAtomically` is false.
 *
 * @throws {BronzeError} `invalid_config` when the driver cannot read or write raw bytes.
 */
export function blobDriver(driver: PlainDriver): BlobDriver {
  if (!driver?.getItemRaw || !driver.setItemRaw) {
    throw new BronzeError(
      "invalid_config",
      `Cannot use the unstorage driver "${
        driver?.name ?? "(unnamed)"
      }": it lacks getItemRaw or setItemRaw`,
    );
  }
  if (driver.createsAtomically !== undefined) return driver as BlobDriver;

  const name = driver.name ?? "unstorage";
  const itemKey = (key: string) => key.replaceAll("/", ":");
  async function read(key: string): Promise<Uint8Array | null> {
    const value = await driver.getItemRaw!(itemKey(key), {});
    if (value === null || value === undefined) return null;
    if (value instanceof Uint8Array) return value;
    if (value instanceof ArrayBuffer) return new Uint8Array(value);
    throw new BronzeError(
      "io",
      `Cannot read "${key}": the ${name} driver returned no bytes but ${typeof value}`,
      { key },
    );
  }
  async function meta(key: string): Promise<BlobMeta | null> {
    const value = await read(key);
    return value && { size: value.byteLength };
  }

  const plain: Partial<BlobDriver> = {
    name,
    createsAtomically: false,
    digest: digestBody,
    uri: (key) => `${name}:${key}`,
    getMeta: meta,
    async getItemRaw(key, { range } = {}) {
      const value = await read(key);
      return range && value ? value.subarray(range.start, range.end) : value;
    },
    async getItemStream(key) {
      const value = await read(key);
      return value && (async function* () {
        yield value;
      })();
    },
    async setItemRaw(key, value, { overwrite }: WriteOptions = {}) {
      if (!overwrite && await read(key)) {
        throw new BronzeError("partition_exists", `Cannot create "${key}": it exists already`, {
          key,
        });
      }
      // A copy: the memory driver keeps the caller's array, which the caller may use again.
      await driver.setItemRaw!(itemKey(key), value.slice(), {});
    },
  };
  return plain as BlobDriver;
}
