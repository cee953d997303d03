import { openStore } from "@obsrvr/bronze-store";
import { cliCommand } from "../helpers/cli.ts";
import { largeParquet, parquetOf } from "../helpers/parquet.ts";
import { PRODUCER, REF } from "../helpers/partition.ts";
import { best, type Line, median, peakAbove, run, speed } from "../helpers/measure.ts";

const BYTES = 512 * 1024 * 1024;
const RUNS = 5;

/** The budgets of the local disk. */
export async function benchLocal(): Promise<Line[]> {
  const base = await Deno.makeTempDir({ prefix: "bronze-store-bench-" });
  try {
    return [...await benchPublish(base), await benchColdStart(base)];
  } finally {
    await Deno.remove(base, { recursive: true });
  }
}

async function benchPublish(base: string): Promise<Line[]> {
  const bytes = largeParquet(BYTES);
  const file = `${base}/body`;
  await Deno.writeFile(file, bytes);
  await run("sync", file);
  const publish = (durable: boolean) => async () => {
    await openStore({ backend: "local", base: `${base}/out`, durable })
      .publish(REF, bytes, { producer: PRODUCER });
    await Deno.remove(`${base}/out`, { recursive: true });
  };
  const peak = await peakAbove(publish(true));
  const digest = await best(RUNS, () => run("openssl", "dgst", "-sha256", file));
  const quick = await best(RUNS, publish(false));
  const durable = await best(RUNS, publish(true));
  const copy = await best(RUNS, async () => {
    await run("cp", file, `${base}/copy`);
    await run("sync", `${base}/copy`);
    await Deno.remove(`${base}/copy`);
  });
  return [
    {
      what: "local publish of 512 MiB without fsync, speed",
      measured: speed(BYTES, quick),
      against: `openssl dgst -sha256 of the file: ${speed(BYTES, digest)}`,
      ratio: (digest / quick).toFixed(2),
      goal: "at least 0.90",
    },
    {
      what: "local publish of 512 MiB with fsync, time",
      measured: `${durable.toFixed(2)} s`,
      against: `cp, sync and that digest: ${(copy + digest).toFixed(2)} s`,
      ratio: (durable / (copy + digest)).toFixed(2),
      goal: "below 1",
    },
    {
      what: "local publish of 512 MiB, memory above the body",
      measured: `${peak.toFixed(0)} MiB`,
      against: "the body: 512 MiB",
      ratio: (peak / 512).toFixed(3),
      goal: "32 MiB",
    },
  ];
}

async function benchColdStart(base: string): Promise<Line> {
  const input = `${base}/small.parquet`;
  const empty = `${base}/empty.ts`;
  await Deno.writeFile(input, parquetOf({ rows: 10_000 }));
  await Deno.writeTextFile(empty, "");
  const range = ["--table", "t", "--start", "0", "--end", "9999"];
  const [command, ...args] = cliCommand(["put", input, ...range]);
  const put = async () => {
    const { success } = await new Deno.Command(command!, {
      args,
      env: { LOCAL_DIR: `${base}/cold` },
      stdout: "null",
    }).output();
    if (!success) throw new Error("put failed");
    await Deno.remove(`${base}/cold`, { recursive: true });
  };
  await put();
  const idle = await median(20, () => run(command!, "run", "-q", empty));
  const cold = await median(20, put);
  return {
    what: "put of a small file, cold, beyond an empty deno run",
    measured: `${((cold - idle) * 1000).toFixed(0)} ms`,
    against: `an empty deno run: ${(idle * 1000).toFixed(0)} ms`,
    ratio: (cold / idle).toFixed(2),
    goal: "60 ms",
  };
}
