/**
 * The command line: `deno run <permissions> jsr:@obsrvr/bronze-store/cli <command>`.
 *
 * @module
 */
import { type Command, helpOf, parse, usageError } from "./commands/_command.ts";
import { Output } from "./commands/_output.ts";
import { dryRun } from "./commands/dry_run.ts";
import { exists, show } from "./commands/look.ts";
import { put } from "./commands/put.ts";
import { repair } from "./commands/repair.ts";
import { verify } from "./commands/verify.ts";
import { configFromEnv, type Environment } from "./config.ts";
import { BronzeError } from "./errors.ts";
import { VERSION } from "./version.ts";

const COMMANDS: Record<string, Command> = { "dry-run": dryRun, put, exists, show, verify, repair };

/**
 * Runs one command.
 *
 * @param args The command's name and its options.
 * @param env Where environment variables are read from.
 * @param signal Ends the command when it is aborted.
 * @returns The exit status: 0 done, 1 failed, 2 wrong input, 3 exists with other content, 4 missing or
 * incomplete, 5 damaged, 75 failed but worth retrying.
 */
export async function main(
  args: string[],
  env: Environment = Deno.env,
  signal: AbortSignal = new AbortController().signal,
): Promise<number> {
  const [first, ...rest] = args;
  if (first === "--version") return print(VERSION);
  if (first === "--help" || first === "-h" || first === "help") return print(help());
  const output = new Output({
    json: args.includes("--json"),
    quiet: args.includes("--quiet"),
  });
  try {
    // The copier spells it as an option.
    const name = first === "--dry-run" ? "dry-run" : first;
    if (name === undefined) throw usageError(`A command is missing\n\n${help()}`);
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (!command) {
      throw usageError(
        `Unknown command "${name}"; the commands are ${Object.keys(COMMANDS).join(", ")}`,
      );
    }
    const { values, positionals } = parse(command, rest);
    if (values.help) return print(helpOf(command));
    if (values.version) return print(VERSION);
    const config = configFromEnv(env);
    return await command.run({ values, positionals, config, output, signal, env });
  } catch (error) {
    output.error(error);
    return error instanceof BronzeError ? error.exitStatus : 1;
  }
}

function print(text: string): number {
  console.log(text);
  return 0;
}

function help(): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length));
  return [
    "Usage: bronze <command> [options]",
    "",
    "Puts Bronze partitions into durable storage: once, whole and provably unchanged.",
    "",
    ...Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`),
    "",
    "bronze <command> --help tells a command's options. Where to store comes from the environment:",
    "STORAGE_BACKEND (local), LOCAL_DIR (./output), STORAGE_PREFIX, ALLOW_OVERWRITE; see the README.",
  ].join("\n");
}

/** How a shell counts a process that ended by a signal: 128 and the signal's number. */
const SIGNAL_STATUS = { SIGINT: 130, SIGTERM: 143 } as const;

if (import.meta.main) {
  const controller = new AbortController();
  let signalled: number | undefined;
  for (const [signal, status] of Object.entries(SIGNAL_STATUS)) {
    Deno.addSignalListener(signal as Deno.Signal, () => {
      signalled = status;
      controller.abort(new Error(`The process received ${signal}`));
    });
  }
  const status = await main(Deno.args, Deno.env, controller.signal);
  Deno.exit(signalled ?? status);
}
