import fs from "../../src/drivers/fs.ts";
import type { Harness } from "./harness.ts";

/** A temporary directory on the local disk. */
export const LOCAL: Harness = {
  name: "fs",
  createsAtomically: true,
  keepsMetadata: false,
  async place() {
    const base = await Deno.makeTempDir({ prefix: "bronze-store-test-" });
    return {
      driver: fs({ base, durable: false }),
      read: (key) => Deno.readFile(`${base}/${key}`).catch(nullIfMissing),
      async write(key, bytes) {
        await Deno.mkdir(`${base}/${key}`.replace(/\/[^/]*$/, ""), { recursive: true });
        await Deno.remove(`${base}/${key}`).catch(nullIfMissing);
        await Deno.writeFile(`${base}/${key}`, bytes);
      },
      remove: (key) => Deno.remove(`${base}/${key}`),
      list: () => filesBelow(base),
      [Symbol.asyncDispose]: () => Deno.remove(base, { recursive: true }),
    };
  },
};

/** All files below a directory, sorted, staging included. */
export async function filesBelow(directory: string, prefix = ""): Promise<string[]> {
  const files: string[] = [];
  for await (const entry of Deno.readDir(`${directory}/${prefix}`)) {
    const path = `${prefix}${entry.name}`;
    if (entry.isDirectory) files.push(...await filesBelow(directory, `${path}/`));
    else files.push(path);
  }
  return files.sort();
}

function nullIfMissing(error: unknown): null {
  if (error instanceof Deno.errors.NotFound) return null;
  throw error;
}
