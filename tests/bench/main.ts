// deno task bench: each line is a ratio against something that was measured in the same run.
import { type Line, printTable } from "../helpers/measure.ts";
import { benchLocal } from "./local.ts";
import { benchS3 } from "./s3.ts";

const benches: Record<string, () => Promise<Line[]>> = { local: benchLocal, s3: benchS3 };
const chosen = Deno.args.length > 0 ? Deno.args : Object.keys(benches);
const lines: Line[] = [];
for (const name of chosen) lines.push(...await benches[name]!());
printTable(lines);
