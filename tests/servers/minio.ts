import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { findMinio, IMAGE, type MinioProgram } from "./_minio_binary.ts";

/** What {@linkcode startMinio} can be told. */
export interface MinioOptions {
  /** Serve HTTPS with this certificate and key, both PEM files. */
  tls?: { certFile: string; keyFile: string };
  /** More variables of MinIO's own, such as `MINIO_KMS_SECRET_KEY`. */
  env?: Record<string, string>;
  /** Ends the start, also a build of MinIO that it needs. */
  signal?: AbortSignal;
}

/** A MinIO that runs until it is disposed of. */
export interface MinioServer extends AsyncDisposable {
  endpoint: string;
  accessKeyId: string;
  secretAccessKey: string;
  region: "us-east-1";
  /** The process, or Docker's client. */
  pid: number;
}

const START_TRIES = 5;
const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 5_000;

/**
 * Starts a MinIO of its own on a free port of 127.0.0.1, with random credentials and an empty data
 * directory, which go with it.
 *
 * @throws {Error} when there is no way to run one, or when it does not come up.
 */
export async function startMinio(options: MinioOptions = {}): Promise<MinioServer> {
  const program = await findMinio(options.signal);
  for (let tries = 1;; tries++) {
    try {
      return await startOn(freePort(), program, options);
    } catch (error) {
      // Whatever took the port between our look and MinIO's bind keeps it: try another.
      const taken = /port is already (in use|allocated)|address already in use/i.test(
        String(error),
      );
      if (!taken || tries === START_TRIES) throw error;
    }
  }
}

async function startOn(
  port: number,
  program: MinioProgram,
  options: MinioOptions,
): Promise<MinioServer> {
  const accessKeyId = `test${randomHex(8)}`;
  const secretAccessKey = randomHex(20);
  const directory = await Deno.makeTempDir({ prefix: "bronze-minio-" });
  const remove = () => Deno.remove(directory, { recursive: true });
  try {
    await Deno.mkdir(`${directory}/data`);
    await Deno.mkdir(`${directory}/certs`);
    if (options.tls) {
      await Deno.copyFile(options.tls.certFile, `${directory}/certs/public.crt`);
      await Deno.copyFile(options.tls.keyFile, `${directory}/certs/private.key`);
    }
    const running = run(program, port, directory, {
      MINIO_BROWSER: "off",
      MINIO_UPDATE: "off",
      ...options.env,
      MINIO_ROOT_USER: accessKeyId,
      MINIO_ROOT_PASSWORD: secretAccessKey,
    });
    const endpoint = `${options.tls ? "https" : "http"}://127.0.0.1:${port}`;
    try {
      await waitUntilHealthy(endpoint, running, options.signal);
    } catch (error) {
      await running.stop();
      throw error;
    }
    return {
      endpoint,
      accessKeyId,
      secretAccessKey,
      region: "us-east-1",
      pid: running.pid,
      async [Symbol.asyncDispose]() {
        await running.stop();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

interface Running {
  pid: number;
  /** How it ended, once it has. */
  ended: () => Deno.CommandStatus | undefined;
  /** The last of what it printed, complete once it has ended. */
  lastOutput: () => Promise<string>;
  stop: () => Promise<void>;
}

function run(
  program: MinioProgram,
  port: number,
  directory: string,
  env: Record<string, string>,
): Running {
  const container = `bronze-minio-${randomHex(6)}`;
  // Always a certificate directory of our own: one in the home directory would turn TLS on.
  const [command, args] = "binary" in program
    ? [program.binary, [
      ...["server", "--address", `127.0.0.1:${port}`],
      ...["--certs-dir", `${directory}/certs`, `${directory}/data`],
    ]]
    : [program.docker, [
      ...["run", "--rm", "--name", container, "--publish", `127.0.0.1:${port}:9000`],
      ...["--volume", `${directory}/certs:/certs:ro`],
      ...Object.keys(env).flatMap((name) => ["--env", name]),
      ...[IMAGE, "server", "--address", ":9000", "--certs-dir", "/certs", "/data"],
    ]];
  const child = new Deno.Command(command, {
    args,
    // MinIO would obey any MINIO_* of the developer's own; Docker's client needs its environment.
    clearEnv: "binary" in program,
    env: "binary" in program ? { ...env, HOME: directory } : env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let output = "";
  const drain = async (stream: ReadableStream<Uint8Array>) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      output = (output + text).slice(-4000);
    }
  };
  const drained = Promise.all([drain(child.stdout), drain(child.stderr)]);
  let status: Deno.CommandStatus | undefined;
  const exited = child.status.then((value) => status = value);
  return {
    pid: child.pid,
    ended: () => status,
    async lastOutput() {
      if (status) await drained;
      return output.trim();
    },
    async stop() {
      const kill = (signal: Deno.Signal) => {
        try {
          if (!status) child.kill(signal);
        } catch {
          // It has died by itself, and its status is on its way.
        }
      };
      kill("SIGTERM");
      const timer = setTimeout(() => kill("SIGKILL"), STOP_TIMEOUT_MS);
      await exited;
      clearTimeout(timer);
      await drained;
      if ("docker" in program) {
        const args = ["rm", "--force", container];
        await new Deno.Command(program.docker, { args, stdout: "null", stderr: "null" }).output();
      }
    },
  };
}

async function waitUntilHealthy(
  endpoint: string,
  running: Running,
  signal: AbortSignal | undefined,
): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!await isHealthy(endpoint)) {
    signal?.throwIfAborted();
    const status = running.ended();
    if (status) {
      throw new Error(`MinIO ended with status ${status.code}: ${await running.lastOutput()}`);
    }
    if (Date.now() > deadline) {
      const output = await running.lastOutput();
      throw new Error(`MinIO was not healthy after ${START_TIMEOUT_MS / 1000} s: ${output}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function isHealthy(endpoint: string): Promise<boolean> {
  const request = endpoint.startsWith("https:") ? httpsRequest : httpRequest;
  // Only whether it is up is asked here; that its certificate is trusted is for the tests to show.
  const options = { agent: false, rejectUnauthorized: false, timeout: 1000 };
  return new Promise((resolve) => {
    const probe = request(`${endpoint}/minio/health/live`, options, (response) => {
      response.resume();
      // It answers 200 also while it cannot serve an object yet, and says so in this header.
      const online = response.headers["x-minio-server-status"] !== "offline";
      response.once("close", () => resolve(response.statusCode === 200 && online));
    });
    probe.once("timeout", () => probe.destroy());
    probe.once("error", () => resolve(false));
    probe.end();
  });
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

function randomHex(byteLength: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(byteLength));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
