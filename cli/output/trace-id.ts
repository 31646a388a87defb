import type { Invocation } from "../verb.ts";
import { paint } from "./colour.ts";

const SHOWN_DIGITS = 12;

/** How to look at what a command has just done; on stderr, since it is no answer. */
export function printTraceId({ api, terminal }: Pick<Invocation, "api" | "terminal">): void {
  const traceId = api.options.traceparent.slice(3, 35);
  const line = `trace ${traceId}: slipway trace show ${traceId.slice(0, SHOWN_DIGITS)}`;
  terminal.stderr.write(`${paint(terminal.colourErrors, "dim", line)}\n`);
}
