import { throwIfAborted } from "../errors.ts";
import { fsError } from "./_fs_error.ts";

const READ_CHUNK_BYTES = 1024 * 1024;

/** Reads a part of a file; less when the file ends before. */
export async function readRange(
  file: Deno.FsFile,
  { start, end }: { start: number; end: number },
  path: string,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - start);
  await file.seek(start, Deno.SeekMode.Start);
  let read = 0;
  while (read < bytes.byteLength) {
    throwIfAborted(signal, path);
    const count = await file.read(bytes.subarray(read, read + READ_CHUNK_BYTES));
    if (count === null) return bytes.subarray(0, read);
    read += count;
  }
  return bytes;
}

/** Reads a file piece by piece, the next piece on its way while the caller works on the last. */
export async function* readAhead(
  file: Deno.FsFile,
  path: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  let [next, spare] = [new Uint8Array(READ_CHUNK_BYTES), new Uint8Array(READ_CHUNK_BYTES)];
  let reading = file.read(next);
  try {
    for (let count; (count = await reading) !== null;) {
      throwIfAborted(signal, path);
      const chunk = next.subarray(0, count);
      [next, spare] = [spare, next];
      reading = file.read(next);
      yield chunk;
    }
  } catch (error) {
    throw fsError(error, "read", path);
  } finally {
    await reading.catch(() => {});
    file.close();
  }
}
