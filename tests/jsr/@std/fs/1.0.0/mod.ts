// Stands in for jsr:@std/fs where jsr.io cannot be reached: the two calls that this module makes, with
// the same outcomes and errors as documented at https://jsr.io/@std/fs/doc.

/** Makes a directory and all above it; one that exists is fine, a file in its place an error. */
export async function ensureDir(dir: string | URL): Promise<void> {
  try {
    const info = await Deno.stat(dir);
    if (!info.isDirectory) {
      throw new Error(`Failed to ensure directory exists: expected 'dir', got 'file'`);
    }
    return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  try {
    await Deno.mkdir(dir, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    if (!(await Deno.stat(dir)).isDirectory) throw error;
  }
}

/** Renames a file or directory; refuses a destination that exists. */
export async function move(src: string | URL, dest: string | URL): Promise<void> {
  try {
    await Deno.lstat(dest);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    await Deno.rename(src, dest);
    return;
  }
  throw new Deno.errors.AlreadyExists(`dest '${dest}' already exists`);
}
