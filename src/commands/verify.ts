import { openStore } from "../config.ts";
import { tableOf } from "../manifest.ts";
import { type Command, PARTITION, refOf } from "./_command.ts";
import { formatFile } from "./_units.ts";

/** `verify`: reads a partition back and compares it with its manifest. */
export const verify: Command = {
  usage: "verify --table NAME --start N --end N [options]",
  summary: "Reads the stored Parquet file and compares its bytes with the manifest.",
  positionals: 0,
  options: PARTITION,
  async run(context) {
    const { config, output, signal } = context;
    const result = await openStore(config).verify(refOf(context), {
      signal,
      onProgress: output.progress,
    });
    const { file, byte_size } = tableOf(result.manifest);
    output.line(`${result.state} ${result.uri}${formatFile(file, byte_size, result.checksum)}`);
    output.result(result);
    return 0;
  },
};
