/**
 * Runs a command with a MinIO beside it: `deno run -A tests/servers/with_servers.ts <command…>`.
 *
 * With MINIO_ENDPOINT (and MINIO_ROOT_USER, MINIO_ROOT_PASSWORD) in the environment that server is used,
 * otherwise one is started and ends with the command, whose exit status becomes this one's.
 *
 * @module
 */
import { startMinio } from "./minio.ts";

const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

async function main([command, ...args]: string[]): Promise<number> {
  if (command === undefined) {
    console.error("Usage: deno run -A tests/servers/with_servers.ts <command…>");
    return 2;
  }
  const starting = new AbortController();
  let child: Deno.ChildProcess | undefined;
  let signalled: keyof typeof SIGNALS | undefined;
  for (const signal of Object.keys(SIGNALS) as (keyof typeof SIGNALS)[]) {
    Deno.addSignalListener(signal, () => {
      signalled = signal;
      starting.abort();
      try {
        child?.kill(signal);
      } catch {
        // It has just ended by itself.
      }
    });
  }
  try {
    await using minio = Deno.env.get("MINIO_ENDPOINT")
      ? undefined
      : await startMinio({ signal: starting.signal });
    if (signalled) return SIGNALS[signalled];
    // npx puts no deno on the PATH.
    child = new Deno.Command(command === "deno" ? Deno.execPath() : command, {
      args,
      env: minio
        ? {
          MINIO_ENDPOINT: minio.endpoint,
          MINIO_ROOT_USER: minio.accessKeyId,
          MINIO_ROOT_PASSWORD: minio.secretAccessKey,
        }
        : {},
      stdin: "inherit",
      stdout: "inherit",
      stderr: "inherit",
    }).spawn();
    const { code } = await child.status;
    child = undefined;
    return code;
  } catch (error) {
    if (signalled) return SIGNALS[signalled];
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
