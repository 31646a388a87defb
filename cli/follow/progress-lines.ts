import { stripVTControlCharacters } from "node:util";
import type { Terminal } from "../output/terminal.ts";

/**
 * One line a thing, by its key. On a terminal the lines are redrawn in place; elsewhere a line is printed when it is new or says
 * something else. Written to stderr: stdout is for what a command answers.
 */
export class ProgressLines {
  readonly #stream: Terminal["stderr"];
  readonly #redraws: boolean;
  readonly #lines = new Map<string, string>();
  #drawn = 0;

  constructor(terminal: Terminal) {
    this.#stream = terminal.stderr;
    this.#redraws = terminal.stderr.isTTY === true;
  }

  set(key: string, line: string): void {
    this.update([[key, line]]);
  }

  update(lines: Iterable<readonly [string, string]>): void {
    const changed = [...lines].filter(([key, line]) => this.#lines.get(key) !== line);
    for (const [key, line] of changed) this.#lines.set(key, line);
    if (changed.length === 0) return;
    if (this.#redraws) this.#draw();
    else this.#stream.write(changed.map(([, line]) => `${line}\n`).join(""));
  }

  #draw(): void {
    const up = this.#drawn === 0 ? "" : `\u001B[${this.#drawn}A`;
    // A terminal that nobody has given a size says 0.
    const width = this.#stream.columns || 80;
    // A line that wraps would be two, and the way back up too short.
    const lines = [...this.#lines.values()].map(
      (line) =>
        `\u001B[2K${stripVTControlCharacters(line).length < width ? line : stripVTControlCharacters(line).slice(0, width - 1)}\n`,
    );
    this.#stream.write(up + lines.join(""));
    this.#drawn = lines.length;
  }
}
