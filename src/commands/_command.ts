import { parseArgs, type ParseArgsOptionDescriptor } from "node:util";
import type { StorageConfig } from "../config.ts";
import { BronzeError } from "../errors.ts";
import type { PartitionRef } from "../partition.ts";
import { VERSION } from "../version.ts";
import type { Output } from "./_output.ts";

/** One option: how it is parsed, and what the help says of it. */
interface Option extends ParseArgsOptionDescriptor {
  /** What stands for its value in the help. */
  value?: string;
  help: string;
}

/** The options that a command was called with. */
export type Values = Record<string, string | boolean | undefined>;

/** What a command works with. */
export interface CommandContext {
  values: Values;
  positionals: string[];
  config: StorageConfig;
  output: Output;
  signal: AbortSignal;
  env: { get(name: string): string | undefined };
}

/** One command of the command line. */
export interface Command {
  /** How it is called, after the program's name. */
  usage: string;
  summary: string;
  options: Record<string, Option>;
  /** The number of positional arguments that it takes. */
  positionals: number;
  /** Does the work and returns the exit status. */
  run(context: CommandContext): Promise<number>;
}

const text = (value: string, help: string): Option => ({ type: "string", value, help });
const flag = (help: string): Option => ({ type: "boolean", help });

/** The options that every command has. */
const COMMON: Record<string, Option> = {
  network: text("NAME", "the network (else NETWORK, else pubnet)"),
  era: text("NAME", "the era (else ERA_ID, else pre_p23)"),
  label: text("NAME", "the version label (else VERSION_LABEL, else v1)"),
  json: flag("print one JSON object on standard output and nothing else"),
  quiet: flag("print nothing but errors"),
  help: flag("print this help"),
  version: flag("print the version"),
};

/** The options that name a partition. */
export const PARTITION: Record<string, Option> = {
  table: text("NAME", "the table"),
  start: text("N", "the first ledger"),
  end: text("N", "the last ledger"),
};

/** Who publishes when the command line does. */
export const PRODUCER = { name: "bronze-store", version: VERSION, git_sha: "unknown" };

export { flag, text };

/** Parses what comes after a command's name. */
export function parse(command: Command, args: string[]): { values: Values; positionals: string[] } {
  try {
    const { values, positionals } = parseArgs({
      args,
      options: { ...COMMON, ...command.options },
      allowPositionals: true,
      strict: true,
    });
    if (positionals.length > command.positionals) {
      throw usageError(`Unexpected argument "${positionals[command.positionals]}"`);
    }
    return { values: values as Values, positionals };
  } catch (error) {
    if (!String((error as { code?: string }).code).startsWith("ERR_PARSE_ARGS")) throw error;
    throw usageError((error as Error).message.split("\n")[0]!);
  }
}

/** The help of one command. */
export function helpOf(command: Command): string {
  const rows = Object.entries({ ...command.options, ...COMMON }).map(([name, option]) =>
    [`--${name}${option.value ? ` ${option.value}` : ""}`, option.help] as const
  );
  const width = Math.max(...rows.map(([left]) => left.length));
  return [
    `Usage: bronze ${command.usage}`,
    "",
    command.summary,
    "",
    ...rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`),
  ].join("\n");
}

/** The partition that the options name. */
export function refOf({ values, env }: CommandContext): PartitionRef {
  return {
    ...namesOf(values, env),
    table: required(values, "table"),
    ledgerStart: ledger(values, "start"),
    ledgerEnd: ledger(values, "end"),
  };
}

/** The part of a partition's name that options and environment share. */
export function namesOf(
  values: Values,
  env: CommandContext["env"],
): Pick<PartitionRef, "network" | "eraId" | "versionLabel"> {
  const name = (option: string, variable: string, fallback: string) =>
    values[option] as string ?? (env.get(variable) || fallback);
  return {
    network: name("network", "NETWORK", "pubnet"),
    eraId: name("era", "ERA_ID", "pre_p23"),
    versionLabel: name("label", "VERSION_LABEL", "v1"),
  };
}

/** The value of a number option; undefined when it was not given. */
export function count(values: Values, name: string): number | undefined {
  const value = values[name] as string | undefined;
  if (value === undefined) return;
  if (!/^\d{1,15}$/.test(value)) {
    throw usageError(`Cannot use --${name} ${JSON.stringify(value)}: it takes a whole number`);
  }
  return Number(value);
}

/** A wrong call of the command line. */
export function usageError(message: string): BronzeError {
  return new BronzeError("invalid_argument", message);
}

function ledger(values: Values, name: string): number {
  required(values, name);
  return count(values, name)!;
}

function required(values: Values, name: string): string {
  const value = values[name];
  if (typeof value !== "string") throw usageError(`The option --${name} is missing`);
  return value;
}
