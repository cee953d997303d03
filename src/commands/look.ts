import { openStore } from "../config.ts";
import { tableOf } from "../manifest.ts";
import type { Inspection } from "../store_options.ts";
import { type Command, type CommandContext, PARTITION, refOf } from "./_command.ts";
import { formatBytes } from "./_units.ts";

const STATUS = { complete: 0, absent: 4, incomplete: 4, damaged: 5 };

async function inspect(context: CommandContext): Promise<Inspection> {
  const inspection = await openStore(context.config).inspect(refOf(context), {
    signal: context.signal,
  });
  context.output.line(`${inspection.state} ${inspection.uri}`);
  return inspection;
}

/** `exists`: says whether a partition is complete. */
export const exists: Command = {
  usage: "exists --table NAME --start N --end N [options]",
  summary: "Says whether a partition is there: exit 0 when complete, 4 when not, 5 when damaged.",
  positionals: 0,
  options: PARTITION,
  async run(context) {
    const { state, uri, problems } = await inspect(context);
    for (const problem of problems) context.output.line(problem);
    context.output.result({ exists: state === "complete", state, uri, problems });
    return STATUS[state];
  },
};

/** `show`: says what is stored of a partition. */
export const show: Command = {
  usage: "show --table NAME --start N --end N [options]",
  summary: "Says what is stored of a partition, without reading its Parquet file.",
  positionals: 0,
  options: PARTITION,
  async run(context) {
    const inspection = await inspect(context);
    const { manifest, sealed, state, problems } = inspection;
    for (const problem of problems) context.output.line(problem);
    if (manifest) {
      const { file, byte_size, row_count, checksum } = tableOf(manifest);
      const { name, version, git_sha } = manifest.producer;
      context.output.line(`file      ${file} (${formatBytes(byte_size)}, ${row_count} rows)`);
      context.output.line(`checksum  ${checksum}`);
      context.output.line(`producer  ${name} ${version} (${git_sha})`);
      context.output.line(`created   ${manifest.created_at}`);
      context.output.line(`manifest  ${sealed ? manifest.manifest_checksum : "unsealed"}`);
    }
    context.output.result(inspection);
    return STATUS[state];
  },
};
