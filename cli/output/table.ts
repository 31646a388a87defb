import { stripVTControlCharacters } from "node:util";
import type { Terminal } from "./terminal.ts";

export interface Column<Row> {
  title: string;
  value: (row: Row) => string;
  /** May be cut at its end to make the table fit the terminal. */
  flexible?: boolean;
}

const GAP = "  ";
const MINIMUM_FLEXIBLE_WIDTH = 12;

/** Aligned columns under their titles. On a terminal flexible columns give way until a row fits its width. */
export function formatTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[], width: number | undefined): string {
  const cells = [
    columns.map(({ title }) => title),
    ...rows.map((row) => columns.map(({ value }) => singleLine(value(row)))),
  ];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => displayWidth(line[index]!))));
  if (width !== undefined) shrink(columns, widths, width);
  return cells
    .map(
      (line) =>
        `${line
          .map((cell, index) => pad(cell, widths[index]!))
          .join(GAP)
          .trimEnd()}\n`,
    )
    .join("");
}

/** A listing: a JSON array with `-o json`, else a table. */
export function printList<Row>(
  terminal: Terminal,
  json: boolean,
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  toJson: (row: Row) => unknown = (row) => row,
): void {
  if (json) printJson(terminal, rows.map(toJson));
  else
    terminal.stdout.write(
      formatTable(columns, rows, terminal.stdout.isTTY === true ? terminal.stdout.columns || undefined : undefined),
    );
}

export function printJson(terminal: Terminal, value: unknown): void {
  terminal.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

function shrink<Row>(columns: readonly Column<Row>[], widths: number[], width: number): void {
  const flexible = columns.flatMap((column, index) => (column.flexible === true ? [index] : []));
  for (;;) {
    const excess = widths.reduce((sum, each) => sum + each, GAP.length * (widths.length - 1)) - width;
    const widest = flexible.toSorted((a, b) => widths[b]! - widths[a]!)[0];
    if (excess <= 0 || widest === undefined || widths[widest]! <= MINIMUM_FLEXIBLE_WIDTH) return;
    widths[widest] = Math.max(MINIMUM_FLEXIBLE_WIDTH, widths[widest]! - 1);
  }
}

function pad(cell: string, width: number): string {
  const excess = displayWidth(cell) - width;
  if (excess > 0) return `${stripVTControlCharacters(cell).slice(0, width - 1)}…`;
  return cell + " ".repeat(-excess);
}

function displayWidth(text: string): number {
  return Array.from(stripVTControlCharacters(text)).length;
}

/** What comes from containers and files must not move the cursor. */
function singleLine(text: string): string {
  // oxlint-disable-next-line no-control-regex -- these are what is replaced
  return text.replaceAll(/[\u0000-\u001A\u001C-\u001F\u007F]/g, " ");
}
