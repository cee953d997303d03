const CLI = new URL("../../src/cli.ts", import.meta.url).pathname;

/** What a run of the command line ended with. */
export interface CliRun {
  code: number;
  stdout: string;
  stderr: string;
}

/** How the command line is run. */
export interface CliOptions {
  env?: Record<string, string>;
  /** The permissions; all that it could need without them. */
  permissions?: string[];
  /** Another program to run it in, with its arguments. */
  within?: string[];
}

/** The command and arguments that run the command line. */
export function cliCommand(args: string[], options: CliOptions = {}): string[] {
  const permissions = options.permissions ?? ["-R", "-W", "-E", "-N"];
  const run = [Deno.execPath(), "run", "-q", "--no-prompt", ...permissions, CLI, ...args];
  return [...options.within ?? [], ...run];
}

/** Runs the command line in a process of its own. */
export async function bronze(args: string[], options: CliOptions = {}): Promise<CliRun> {
  const [command, ...rest] = cliCommand(args, options);
  const { code, stdout, stderr } = await new Deno.Command(command!, {
    args: rest,
    stdin: "null",
    env: { NO_COLOR: "1", ...options.env },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}
