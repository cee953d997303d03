import { BronzeError, PartitionDamagedError, PartitionExistsError } from "../errors.ts";
import type { OnProgress, StoreEvent } from "../events.ts";
import { formatBytes, formatFile } from "./_units.ts";

/** A bar for less than this would only flicker. */
const BAR_FROM_BYTES = 16_000_000;
const BAR_EVERY_MS = 100;
const BAR_WIDTH = 24;

/** What the command line prints: lines for people, or one JSON object for programs. */
export class Output {
  #json: boolean;
  #quiet: boolean;
  #barShown = 0;
  #barOpen = false;

  constructor(options: { json: boolean; quiet: boolean }) {
    this.#json = options.json;
    this.#quiet = options.quiet;
  }

  /** Prints a line for people. */
  line(text: string): void {
    this.#clearBar();
    if (!this.#json && !this.#quiet) console.log(`[storage] ${text}`);
  }

  /** Prints what a command found, for programs. */
  result(value: object): void {
    this.#clearBar();
    if (this.#json) console.log(JSON.stringify(value));
  }

  /** Prints why a command failed: on standard error for people, as the JSON object for programs. */
  error(error: unknown): void {
    this.#clearBar();
    const message = error instanceof Error ? error.message : String(error);
    console.error(`bronze: ${message}`);
    const known = error instanceof BronzeError ? error : undefined;
    this.result({
      error: {
        code: known?.code ?? "io",
        message,
        key: known?.key,
        retryable: known?.retryable ?? false,
        manifest: error instanceof PartitionExistsError ? error.manifest : undefined,
        problems: error instanceof PartitionDamagedError ? error.problems : undefined,
      },
    });
  }

  /** Prints the line of one thing that a store did. */
  readonly event = (event: StoreEvent): void => {
    const { type, file, byteSize, checksum } = event;
    const what = byteSize === undefined ? file : formatFile(file!, byteSize, checksum!);
    if (type === "writing") this.line(`writing to ${event.uri}`);
    if (type === "wrote") this.line(`wrote ${what}`);
    if (type === "unchanged" || type === "completed") this.line(`${type} ${event.uri}${what}`);
    if (type === "exists") this.line(`exists with other content ${event.uri}`);
    if (type === "failed") this.line(`failed ${event.uri} (${event.code ?? "unexpected"})`);
    if (type === "warning") {
      this.#clearBar();
      console.error(`bronze: ${event.message}`);
    }
  };

  /** Draws a bar for a large file, on a terminal alone. */
  readonly progress: OnProgress = ({ phase, loaded, total }) => {
    if (this.#quiet || total < BAR_FROM_BYTES || !Deno.stderr.isTerminal()) return;
    const now = performance.now();
    if (loaded < total && now - this.#barShown < BAR_EVERY_MS) return;
    this.#barShown = now;
    this.#barOpen = true;
    const filled = Math.round(loaded / total * BAR_WIDTH);
    const bar = "#".repeat(filled).padEnd(BAR_WIDTH, ".");
    write(`\r\x1b[K${phase} [${bar}] ${formatBytes(loaded)} of ${formatBytes(total)}`);
  };

  #clearBar(): void {
    if (this.#barOpen) write("\r\x1b[K");
    this.#barOpen = false;
  }
}

function write(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(text));
}
