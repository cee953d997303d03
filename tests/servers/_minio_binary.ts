/** The MinIO to build where none is installed: the last release that anyone may build. */
const VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c";

/** The image that Docker runs. */
export const IMAGE = "minio/minio";

/** How MinIO can be run here. */
export type MinioProgram = { binary: string } | { docker: string };

/**
 * Finds a way to run MinIO: on the PATH, built earlier, built now with Go, or in Docker.
 *
 * @param signal Ends a build that is under way.
 * @throws {Error} when there is none; the message names what would help.
 */
export async function findMinio(signal?: AbortSignal): Promise<MinioProgram> {
  const cacheDir = cacheDirectory();
  const cached = `${cacheDir}/minio-${VERSION}`;
  const home = Deno.env.get("HOME");
  const candidates = [
    await onPath("minio"),
    cached,
    Deno.env.get("GOBIN") && `${Deno.env.get("GOBIN")}/minio`,
    home && `${home}/go/bin/minio`,
  ];
  for (const candidate of candidates) {
    if (candidate && await isExecutable(candidate)) return { binary: candidate };
  }
  const problems: string[] = [];
  const go = await onPath("go");
  if (go === undefined) problems.push("go is not on the PATH");
  else if (await build(go, cacheDir, cached, signal)) return { binary: cached };
  else problems.push("go install failed, see above");
  signal?.throwIfAborted();
  const docker = await onPath("docker");
  if (docker === undefined) problems.push("docker is not on the PATH");
  else if (await succeeds(docker, ["info"])) {
    // The first download may take longer than MinIO is given to come up.
    if (!await succeeds(docker, ["image", "inspect", IMAGE])) {
      await succeeds(docker, ["pull", IMAGE]);
    }
    return { docker };
  } else problems.push("docker info failed");
  throw new Error(
    "Cannot run MinIO, which these tests need. Any one of these four helps: the address of a running " +
      "one in MINIO_ENDPOINT (with MINIO_ROOT_USER and MINIO_ROOT_PASSWORD); minio on the PATH; Go, " +
      `which builds one; Docker, which runs one. Found: ${problems.join("; ")}`,
  );
}

function cacheDirectory(): string {
  const home = Deno.env.get("HOME") ?? Deno.env.get("USERPROFILE") ?? ".";
  const base = Deno.env.get("BRONZE_CACHE") || Deno.env.get("XDG_CACHE_HOME") || `${home}/.cache`;
  return `${base}/bronze-store`;
}

async function build(
  go: string,
  cacheDir: string,
  target: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  await Deno.mkdir(cacheDir, { recursive: true });
  // A directory of its own and a rename: two test runs may build at once, and one may be killed.
  const binDir = await Deno.makeTempDir({ dir: cacheDir, prefix: "build-" });
  try {
    console.error(`Building MinIO into ${target}; this takes 3-4 minutes, once`);
    const { success } = await new Deno.Command(go, {
      args: ["install", `github.com/minio/minio@${VERSION}`],
      env: { GOBIN: binDir },
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
      ...(signal && { signal }),
    }).output();
    if (success) await Deno.rename(`${binDir}/minio`, target);
    return success;
  } finally {
    await Deno.remove(binDir, { recursive: true });
  }
}

async function onPath(name: string): Promise<string | undefined> {
  for (const directory of (Deno.env.get("PATH") ?? "").split(":")) {
    if (directory && await isExecutable(`${directory}/${name}`)) return `${directory}/${name}`;
  }
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    const { isFile, mode } = await Deno.stat(path);
    return isFile && ((mode ?? 0) & 0o111) !== 0;
  } catch {
    return false;
  }
}

async function succeeds(command: string, args: string[]): Promise<boolean> {
  const options = { args, stdin: "null", stdout: "null", stderr: "null" } as const;
  return (await new Deno.Command(command, options).output()).success;
}
