import { openStore } from "../config.ts";
import { type Command, PARTITION, refOf } from "./_command.ts";

/** `repair`: writes the manifest that a crash has left out. */
export const repair: Command = {
  usage: "repair --table NAME --start N --end N [options]",
  summary: "Completes a partition whose manifest is missing, from what is stored of it alone.",
  positionals: 0,
  options: PARTITION,
  async run(context) {
    const { config, output, signal } = context;
    const result = await openStore(config).repair(refOf(context), {
      signal,
      onProgress: output.progress,
    });
    output.line(`${result.status} ${result.uri}`);
    output.result(result);
    return 0;
  },
};
