import { type Terminal, write } from "./terminal.ts";

/** Values as they come: the elements of one JSON array, or a value a line where there is no end to wait for (`-f`). */
export class JsonArrayWriter {
  readonly #terminal: Terminal;
  readonly #lines: boolean;
  #count = 0;

  constructor(terminal: Terminal, lines: boolean) {
    this.#terminal = terminal;
    this.#lines = lines;
  }

  async print(value: unknown): Promise<void> {
    const before = this.#lines ? "" : this.#count === 0 ? "[\n" : ",\n";
    this.#count += 1;
    await write(this.#terminal.stdout, `${before}${JSON.stringify(value)}${this.#lines ? "\n" : ""}`);
  }

  end(): void {
    if (!this.#lines) this.#terminal.stdout.write(this.#count === 0 ? "[]\n" : "\n]\n");
  }
}
