import { ComposeFileError } from "#contracts/compose/errors.ts";
import type { Place, SlipwayError } from "#contracts/slipway-error.ts";
import { paint } from "./colour.ts";
import type { Terminal } from "./terminal.ts";

/** An error for a person: sentence and code, place, remedy. With `json` a Problem; every mistake of a Compose file is printed. */
export function printError(terminal: Terminal, error: SlipwayError, json: boolean): void {
  if (json) {
    const problem = error.toProblem();
    const errors = error instanceof ComposeFileError ? { errors: error.errors.map((each) => each.toProblem()) } : {};
    terminal.stderr.write(`${JSON.stringify({ ...problem, ...errors })}\n`);
    return;
  }
  const all = error instanceof ComposeFileError ? error.errors : [error];
  terminal.stderr.write(all.map((each) => formatError(each, terminal.colourErrors)).join(""));
}

export function formatError(error: Pick<SlipwayError, "message" | "code" | "remedy" | "place">, colour: boolean): string {
  const place = error.place === undefined ? "" : `  ${formatPlace(error.place)}\n`;
  const code = paint(colour, "dim", `[${error.code}]`);
  return `${paint(colour, "red", "slipway:")} ${error.message} ${code}\n${place}  ${paint(colour, "cyan", "→")} ${error.remedy}\n`;
}

export function formatPlace({ file, line, column }: Place): string {
  return [file, line, column].filter((part) => part !== undefined).join(":");
}
