import type { BlobDriver, BlobMeta, WriteOptions } from "../../src/drivers/driver.ts";
import { createHash } from "node:crypto";
import { digestBody } from "../../src/checksum.ts";
import { BronzeError } from "../../src/errors.ts";

/** An object as the model's store holds it. */
interface StoredObject {
  value: Uint8Array;
  /** Of the content, as on S3: the same content written again has the same. */
  etag: string;
  metadata: Record<string, string> | undefined;
}

/** One call of a driver that waits for the scheduler. */
export interface Step {
  /** Whose call it is. */
  process: number;
  /** As in `PUT part-0-9999.parquet`. */
  name: string;
  writes: boolean;
  /** Does it, all at once, and answers its caller. */
  run(): void;
  /** Does it; the answer is lost. */
  runUnanswered(): void;
  /** Does it; whoever asked has died and never hears of it. */
  runForNobody(): void;
  /** Answers that the outcome is unknown; what is returned does it later. */
  postpone(): () => void;
  /** Fails before anything is done. */
  fail(): void;
}

/** What a store promises; each can be taken away, to see whether the model notices. */
export interface Promises {
  createsAtomically: boolean;
  keepsMetadata: boolean;
  /** Keys whose conditions the store ignores: it lets the last writer win. */
  ignoresConditionOf?: RegExp;
}

/** A store in memory whose every operation is a step of the scheduler's. */
export class ModelStore {
  readonly objects: Map<string, StoredObject> = new Map();
  readonly pending: Step[] = [];
  /** The keys whose content was ever replaced by other content. */
  readonly replaced: Set<string> = new Set();
  /** Those of which the writer had last seen other content than it replaced. */
  readonly replacedUnseen: Set<string> = new Set();
  readonly #seen: Map<string, string | undefined> = new Map();
  readonly #promises: Promises;

  constructor(promises: Promises) {
    this.#promises = promises;
  }

  /** Something that names the present content. */
  get state(): string {
    return [...this.objects].map(([key, { etag, metadata }]) =>
      `${key}=${etag} ${metadata?.manifest ? hashOf(metadata.manifest) : ""}`
    ).sort().join();
  }

  /** The driver of one process; `onIssued` hears of each call that it makes. */
  driver(process: number, onIssued: () => void = () => {}): BlobDriver {
    const step = <T>(name: string, writes: boolean, action: () => T): Promise<T> =>
      new Promise((resolve, reject) => {
        const apply = () => {
          try {
            return { value: action() };
          } catch (error) {
            return { error };
          }
        };
        const unknown = () => reject(new BronzeError("unknown_outcome", "The answer was lost"));
        this.pending.push({
          process,
          name,
          writes,
          run() {
            const outcome = apply();
            if ("error" in outcome) reject(outcome.error);
            else resolve(outcome.value);
          },
          runForNobody: () => void apply(),
          runUnanswered() {
            apply();
            unknown();
          },
          postpone() {
            unknown();
            return () => void apply();
          },
          fail: () => reject(new BronzeError("network", "The connection was refused")),
        });
        onIssued();
      });
    const tail = (key: string) => key.split("/").at(-1);
    const driver: Partial<BlobDriver> = {
      name: "model",
      createsAtomically: this.#promises.createsAtomically,
      uri: (key) => `model:${key}`,
      digest: digestBody,
      getMeta: (key) => step(`HEAD ${tail(key)}`, false, () => this.#see(process, key)),
      getItemRaw: (key, { onMeta, range } = {}) =>
        step(range ? `GET a range of ${tail(key)}` : `GET ${tail(key)}`, false, () => {
          const meta = this.#see(process, key);
          if (meta) onMeta?.(meta);
          const value = this.objects.get(key)?.value ?? null;
          return range && value ? value.subarray(range.start, range.end) : value;
        }),
      getItemStream: (key) =>
        step(`GET ${tail(key)}`, false, () => {
          const value = this.objects.get(key)?.value;
          return value
            ? (async function* () {
              yield value;
            })()
            : null;
        }),
      setItemRaw: async (key, value, options = {}) => {
        if (!this.#promises.createsAtomically && !options.overwrite && !options.ifMatch) {
          const there = await step(`HEAD ${tail(key)}`, false, () => this.objects.has(key));
          if (there) throw new BronzeError("partition_exists", `"${key}" exists`);
        }
        await step(`PUT ${tail(key)}`, true, () => this.#put(process, key, value, options));
      },
    };
    return driver as BlobDriver;
  }

  #meta(key: string): BlobMeta | null {
    const object = this.objects.get(key);
    return object
      ? { size: object.value.byteLength, etag: object.etag, metadata: object.metadata }
      : null;
  }

  #see(process: number, key: string): BlobMeta | null {
    const meta = this.#meta(key);
    this.#seen.set(`${process} ${key}`, meta?.etag);
    return meta;
  }

  #put(process: number, key: string, value: Uint8Array, options: WriteOptions): void {
    const { createsAtomically, keepsMetadata, ignoresConditionOf } = this.#promises;
    const current = this.objects.get(key);
    if (!ignoresConditionOf?.test(key)) {
      if (options.ifMatch !== undefined && options.ifMatch !== current?.etag) {
        throw new BronzeError("conflict", `"${key}" has changed`);
      }
      const creates = options.ifMatch === undefined && !options.overwrite;
      if (creates && current && createsAtomically) {
        throw new BronzeError("partition_exists", `"${key}" exists`);
      }
    }
    if (current && current.etag !== hashOf(value)) {
      this.replaced.add(key);
      if (this.#seen.get(`${process} ${key}`) !== current.etag) this.replacedUnseen.add(key);
    }
    const metadata = keepsMetadata ? options.metadata : undefined;
    this.objects.set(key, { value, etag: hashOf(value), metadata });
    options.onMeta?.(this.#meta(key)!);
  }
}

function hashOf(content: Uint8Array | string): string {
  return createHash("md5").update(content).digest("hex").slice(0, 8);
}
