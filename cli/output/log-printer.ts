import type { LogRecord } from "#contracts/api.ts";
import { paint, prefixStyle } from "./colour.ts";
import { type Terminal, write } from "./terminal.ts";

export interface LogPrinterOptions {
  /** Print each record's time. */
  times: boolean;
  /** The names that prefixes are made wide enough for; empty is no prefix. */
  names: readonly string[];
}

/** Prints log records as docker compose does: `web-1  | line`, each stream of a container to ours of the same name. */
export class LogPrinter {
  readonly #terminal: Terminal;
  readonly #options: LogPrinterOptions;
  #width: number;
  /** The parts of a line too long for one record, by instance and stream. */
  readonly #open = new Set<string>();

  constructor(terminal: Terminal, options: LogPrinterOptions) {
    this.#terminal = terminal;
    this.#options = options;
    this.#width = Math.max(0, ...options.names.map((name) => name.length));
  }

  async print(record: LogRecord): Promise<void> {
    const { stdout, stderr } = this.#terminal;
    const stream = record.stream === "stderr" ? stderr : stdout;
    const key = `${record.instance} ${record.stream}`;
    const head = this.#open.has(key) ? "" : this.#head(record);
    if (record.partial) this.#open.add(key);
    else this.#open.delete(key);
    await write(stream, `${head}${record.line}${record.partial ? "" : "\n"}`);
  }

  #head({ service, time, stream }: LogRecord): string {
    const colour = stream === "stderr" ? this.#terminal.colourErrors : this.#terminal.colour;
    const stamp = this.#options.times ? `${time} ` : "";
    if (this.#options.names.length === 0) return stamp;
    this.#width = Math.max(this.#width, service.length);
    return `${paint(colour, prefixStyle(service), `${service.padEnd(this.#width)} |`)} ${stamp}`;
  }
}
