const SCRIPT = new URL("./large_publish.ts", import.meta.url).pathname;

/** The memory above the body that a publish and a verify of so many bytes take, in MiB. */
export async function memoryOf(
  byteSize: number,
  env: Record<string, string>,
): Promise<{ publish: number; verify: number }> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "-A", SCRIPT, String(byteSize)],
    env,
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}
