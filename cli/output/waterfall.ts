import type { Trace, TraceSpan } from "#contracts/trace.ts";
import { paint, prefixStyle } from "./colour.ts";
import { formatDuration } from "./quantity.ts";
import { type SpanNode, spanTree } from "./span-tree.ts";

export interface WaterfallOptions {
  /** Characters of a line. */
  width: number;
  colour: boolean;
  /** Of a launch: all, those that took their time (the others summed up), or none. */
  steps: "all" | "long" | "none";
}

interface Row {
  name: string;
  process: string;
  offsetNs: number;
  durationNs: number;
  isError: boolean;
  /** A step of the span above, not a span. */
  isStep: boolean;
  note: string;
}

const BAR_WIDTH = 30;
const TIME_WIDTH = 9;
const NAME_MINIMUM = 24;
const STEP_SHOWN_NS = 50_000;
const PROCESS_PREFIX = /^slipway-/;

/** A trace as a tree with a bar for each span, from its first to its last moment. */
export function formatWaterfall(trace: Trace, options: WaterfallOptions): string {
  const nodes = spanTree(trace);
  const totalNs = Math.max(1, ...nodes.map(({ offsetNs, span }) => offsetNs + span.durationNs));
  const rows = nodes.flatMap((node) => [
    spanRow(node),
    ...(options.steps === "none" ? [] : stepRows(node, options.steps === "all")),
  ]);
  const processWidth = Math.max(...rows.map(({ process }) => process.length), 0);
  const longest = Math.max(...rows.map(({ name }) => name.length), NAME_MINIMUM);
  const nameWidth = Math.max(
    NAME_MINIMUM,
    Math.min(longest, options.width - BAR_WIDTH - 2 * TIME_WIDTH - processWidth - 8),
  );
  const [root] = nodes;
  const title = `${trace.traceId}  ${root?.span.name ?? ""}  ${formatDuration(totalNs)}, ${nodes.length} spans\n`;
  return title + rows.map((row) => formatRow(row, { totalNs, nameWidth, processWidth }, options.colour)).join("");
}

function spanRow({ span, offsetNs, depth, isLast, rails }: SpanNode): Row {
  const branch = depth === 0 ? "" : `${rails.map((more) => (more ? "│  " : "   ")).join("")}${isLast ? "└─ " : "├─ "}`;
  return {
    name: `${branch}${span.name}${describe(span)}`,
    process: span.process.replace(PROCESS_PREFIX, ""),
    offsetNs,
    durationNs: span.durationNs,
    isError: span.status === "error",
    isStep: false,
    note: span.status === "error" ? (span.message ?? "failed") : "",
  };
}

/** Whose it is, where the name does not say. */
function describe({ name, attributes }: TraceSpan): string {
  const about = attributes["slipway.service"] ?? attributes["slipway.layer"] ?? attributes["server.address"];
  return typeof about === "string" && !name.includes(about) ? ` ${about}` : "";
}

/** The steps of a launch, which are events with their microseconds; the short ones in one row. */
function stepRows({ span, offsetNs, depth, rails, isLast }: SpanNode, all: boolean): Row[] {
  const steps = span.events.filter(({ attributes }) => typeof attributes["microseconds"] === "number");
  const duration = (event: (typeof steps)[number]): number => Number(event.attributes["microseconds"]) * 1_000;
  const shown = steps.filter((event) => all || duration(event) >= STEP_SHOWN_NS);
  const hidden = steps.filter((event) => !shown.includes(event));
  const indent = `${rails.map((more) => (more ? "│  " : "   ")).join("")}${depth === 0 || isLast ? "   " : "│  "}`;
  const row = (name: string, at: number, durationNs: number): Row => ({
    name: `${indent}· ${name}`,
    process: "",
    offsetNs: offsetNs + at,
    durationNs,
    isError: false,
    isStep: true,
    note: "",
  });
  const rows = shown.map((event) => row(event.name, event.offsetNs - duration(event), duration(event)));
  const rest = hidden.reduce((sum, event) => sum + duration(event), 0);
  return hidden.length === 0 ? rows : [...rows, row(`${hidden.length} ${rows.length > 0 ? "shorter " : ""}steps`, 0, rest)];
}

function formatRow(
  { name, process, offsetNs, durationNs, isError, isStep, note }: Row,
  { totalNs, nameWidth, processWidth }: { totalNs: number; nameWidth: number; processWidth: number },
  colour: boolean,
): string {
  const cut = name.length > nameWidth ? `${name.slice(0, nameWidth - 1)}…` : name.padEnd(nameWidth);
  const start = Math.min(BAR_WIDTH - 1, Math.floor((BAR_WIDTH * offsetNs) / totalNs));
  const length = Math.max(1, Math.min(BAR_WIDTH - start, Math.round((BAR_WIDTH * durationNs) / totalNs)));
  const bar = `${" ".repeat(start)}${(isStep ? "▪" : "█").repeat(length)}`.padEnd(BAR_WIDTH);
  const style = isError ? "red" : isStep ? "dim" : prefixStyle(process);
  return `${[
    paint(colour && isStep, "dim", paint(colour && isError, "red", cut)),
    paint(colour, "dim", process.padEnd(processWidth)),
    `+${formatDuration(offsetNs)}`.padStart(TIME_WIDTH + 1),
    formatDuration(durationNs).padStart(TIME_WIDTH),
    `▏${paint(colour, style, bar)}▏`,
    paint(colour, "red", note),
  ]
    .join(" ")
    .trimEnd()}\n`;
}
