import { MAX_BYTES } from "../body.ts";
import { openStore } from "../config.ts";
import { BronzeError, hasCode, PartitionExistsError } from "../errors.ts";
import {
  type Command,
  count,
  flag,
  PARTITION,
  PRODUCER,
  refOf,
  text,
  usageError,
} from "./_command.ts";

/** `put FILE`: publishes a Parquet file. */
export const put: Command = {
  usage: "put FILE --table NAME --start N --end N [options]",
  summary: "Publishes a Parquet file as one partition.",
  positionals: 1,
  options: {
    ...PARTITION,
    rows: text("N", "the number of rows, where the footer is encrypted and cannot tell"),
    "if-missing": flag("succeed when any complete partition is there already"),
  },
  async run(context) {
    const { values, positionals, config, output, signal } = context;
    const ref = refOf(context);
    const rowCount = count(values, "rows");
    const [file] = positionals;
    if (file === undefined) throw usageError("The FILE to put is missing");
    const store = openStore({ ...config, onEvent: output.event });
    if (values["if-missing"] && await store.exists(ref, { signal })) {
      output.line(`exists ${store.uri(ref)}`);
      output.result({ status: "exists", uri: store.uri(ref) });
      return 0;
    }
    const bytes = await readParquet(file, signal);
    try {
      const result = await store.publish(ref, bytes, {
        producer: PRODUCER,
        rowCount,
        signal,
        onProgress: output.progress,
      });
      output.result(result);
    } catch (error) {
      if (!values["if-missing"] || !(error instanceof PartitionExistsError)) throw error;
      output.result({ status: "exists", uri: store.uri(ref), manifest: error.manifest });
    }
    return 0;
  },
};

async function readParquet(file: string, signal: AbortSignal): Promise<Uint8Array> {
  try {
    const { size, isFile } = await Deno.stat(file);
    if (!isFile) throw usageError(`Cannot read "${file}": it is not a file`);
    if (size > MAX_BYTES) {
      throw new BronzeError(
        "too_large",
        `Cannot publish "${file}": it has ${size} bytes, the limit is ${MAX_BYTES} (2 GiB); split the range`,
      );
    }
    return await Deno.readFile(file, { signal });
  } catch (cause) {
    if (hasCode(cause, "too_large", "invalid_argument") || signal.aborted) throw cause;
    const notCapable = cause instanceof Deno.errors.NotCapable;
    throw new BronzeError(
      notCapable ? "not_capable" : "invalid_argument",
      `Cannot read "${file}": ${cause instanceof Error ? cause.message : cause}`,
      { cause },
    );
  }
}
