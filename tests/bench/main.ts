// deno task bench: each line is a ratio against something that was measured in the same run.
import { printTable } from "./_measure.ts";
import { benchLocal } from "./local.ts";

printTable([...await benchLocal()]);
