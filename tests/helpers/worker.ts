// A publisher in a process of its own: takes jobs as JSON lines on standard input, answers each with one.
import { BronzeError, openStore, type StorageConfig } from "@obsrvr/bronze-store";
import { textLines } from "./text_lines.ts";
import { largeParquet, parquetOf } from "./parquet.ts";
import { checksumOf, PRODUCER, REF } from "./partition.ts";

/** One publish. Jobs that are given the same `at` begin together. */
export interface Job {
  config: StorageConfig;
  ledgerEnd: number;
  seed: number;
  /** How large the Parquet file shall be; a few hundred bytes without it. */
  byteSize?: number;
  /** When to begin, as `Date.now()` tells it. */
  at?: number;
}

/** How a job ended. */
export interface Outcome {
  checksum: string;
  status?: string;
  code?: string | undefined;
  message?: string;
}

if (import.meta.main) {
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).pipeThrough(textLines());
  for await (const line of lines) console.log(JSON.stringify(await run(JSON.parse(line))));
}

async function run({ config, ledgerEnd, seed, byteSize, at = 0 }: Job): Promise<Outcome> {
  const bytes = byteSize ? largeParquet(byteSize, seed) : parquetOf({ seed });
  const outcome = { checksum: checksumOf(bytes) };
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, at - Date.now())));
  try {
    const store = openStore(config);
    const { status } = await store.publish({ ...REF, ledgerEnd }, bytes, { producer: PRODUCER });
    return { ...outcome, status };
  } catch (error) {
    const code = error instanceof BronzeError ? error.code : undefined;
    return { ...outcome, code, message: String(error) };
  }
}
