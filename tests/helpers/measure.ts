/** One line of the table: what was measured, against what, and the ratio that the budget is about. */
export interface Line {
  what: string;
  measured: string;
  against: string;
  ratio: string;
  goal: string;
}

/** Runs `work` several times and returns its least duration in seconds. */
export async function best(times: number, work: () => Promise<unknown>): Promise<number> {
  let least = Infinity;
  for (let run = 0; run < times; run++) {
    const began = performance.now();
    await work();
    least = Math.min(least, (performance.now() - began) / 1000);
  }
  return least;
}

/** Runs `work` several times and returns the median of its durations in seconds. */
export async function median(times: number, work: () => Promise<unknown>): Promise<number> {
  const durations: number[] = [];
  for (let run = 0; run < times; run++) durations.push(await best(1, work));
  return durations.sort((a, b) => a - b)[times >> 1]!;
}

/** Runs a command to its end; its output, or an error with what it complained of. */
export async function run(command: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args }).output();
  if (!success) throw new Error(`${command} failed: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

/** The most memory that this process held while `work` ran, above what it held before, in MiB (Linux). */
export async function peakAbove(work: () => Promise<unknown>): Promise<number> {
  const statusOf = (name: string) => {
    const status = Deno.readTextFileSync("/proc/self/status");
    return Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024;
  };
  // https://docs.kernel.org/filesystems/proc.html: 5 sets the peak back to the present.
  Deno.writeTextFileSync("/proc/self/clear_refs", "5");
  const before = statusOf("VmRSS");
  await work();
  return statusOf("VmHWM") - before;
}

/** Bytes and seconds as a speed. */
export function speed(bytes: number, seconds: number): string {
  return `${(bytes / seconds / 1e9).toFixed(2)} GB/s`;
}

/** Prints lines as a table in Markdown. */
export function printTable(lines: Line[]): void {
  const rows = [
    ["what", "measured", "against", "ratio", "goal"],
    ["---", "---", "---", "---", "---"],
    ...lines.map(({ what, measured, against, ratio, goal }) => [
      what,
      measured,
      against,
      ratio,
      goal,
    ]),
  ];
  for (const row of rows) console.log(`| ${row.join(" | ")} |`);
}
