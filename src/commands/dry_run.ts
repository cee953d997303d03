import { openStore } from "../config.ts";
import { VERSION } from "../version.ts";
import { type Command, namesOf, text } from "./_command.ts";
import { parseBytes } from "./_units.ts";

/** `dry-run`: publishes a sample, to try a configuration end to end. */
export const dryRun: Command = {
  usage: "dry-run [options]",
  summary: "Publishes a sample partition, ledgers 0 to 9999, to try a configuration end to end.",
  positionals: 0,
  options: { size: text("SIZE", "how large the sample shall be, as in 512MB (default 4MB)") },
  async run({ values, config, output, signal, env }) {
    // Here alone, since making Parquet takes a library that no other command needs.
    const { SAMPLE_LEDGERS, sampleParquet } = await import("../sample.ts");
    const size = values.size === undefined
      ? undefined
      : parseBytes("--size", values.size as string);
    // Nothing is ever deleted from a bucket: there the sample must not take a real partition's place.
    const label = values.label ?? (config.backend === "local" ? undefined : "dry-run");
    const store = openStore({ ...config, allowOverwrite: false, onEvent: output.event });
    const ref = {
      ...namesOf({ ...values, label }, env),
      table: "ledgers_lcm_raw",
      ledgerStart: 0,
      ledgerEnd: SAMPLE_LEDGERS - 1,
    };
    const result = await store.publish(ref, sampleParquet(size), {
      producer: { name: "bronze-store-sample", version: VERSION, git_sha: "unknown" },
      signal,
      onProgress: output.progress,
    });
    output.result(result);
    return 0;
  },
};
