import type { Job, Outcome } from "./worker.ts";
import { textLines } from "./text_lines.ts";

const WORKER = new URL("./worker.ts", import.meta.url).pathname;

/** A process that publishes what it is told to. */
export class Publisher implements AsyncDisposable {
  readonly process: Deno.ChildProcess;
  #input: WritableStreamDefaultWriter<Uint8Array>;
  #output: ReadableStreamDefaultReader<string>;

  constructor() {
    this.process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "-A", WORKER],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#input = this.process.stdin.getWriter();
    this.#output = this.process.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(textLines())
      .getReader();
  }

  /** Publishes in that process; undefined when it died first. */
  async publish(job: Job): Promise<Outcome | undefined> {
    await this.#input.write(new TextEncoder().encode(JSON.stringify(job) + "\n"));
    const { value } = await this.#output.read();
    return value === undefined ? undefined : JSON.parse(value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      // A test that failed may have left it stopped or busy.
      this.process.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await this.process.status;
    await this.#input.close().catch(() => {});
    await this.#output.cancel();
  }
}

/** Starts so many publishers; they end with the returned stack. */
export function startPublishers(count: number): { all: Publisher[] } & AsyncDisposable {
  const stack = new AsyncDisposableStack();
  const all = Array.from({ length: count }, () => stack.use(new Publisher()));
  return { all, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}
