import { constants } from "node:os";
import { formatBytes } from "../output/quantity.ts";
import type { Happening } from "./instance-events.ts";

const NOT_EXECUTABLE = 126;
const NOT_FOUND = 127;
const SIGNALLED = 128;
const SIGKILL = 9;

/** How a run ended, in words: `with exit code 3`, `it was killed for using more than its 64.0MB of memory (exit code 137)`. */
export function exitReason(exit: Happening, before: readonly Happening[]): string {
  const code = exit.data["exitCode"];
  if (exit.data["oomKilled"] === true)
    return `killed for using more than ${memoryLimit(before)} (exit code ${String(code)})`;
  const stopping = before.findLast(({ type }) => type === "instance.stopping" || type === "instance.started");
  const asked = stopping?.type === "instance.stopping" ? stopping : undefined;
  if (typeof code !== "number") return "with an exit code that nobody saw: no supervisor was its parent at that moment";
  if (asked !== undefined) return stopReason(code, asked);
  if (code === 0) return "by itself, with exit code 0";
  if (code === NOT_EXECUTABLE) return "with exit code 126: a command could not be executed";
  if (code === NOT_FOUND) return "with exit code 127: a command was not found";
  return code > SIGNALLED ? `by ${signalName(code - SIGNALLED)} (exit code ${code})` : `with exit code ${code}`;
}

function stopReason(code: number, { data }: Happening): string {
  const signal = typeof data["stopSignal"] === "string" ? data["stopSignal"] : "its stop signal";
  if (code !== SIGNALLED + SIGKILL) return `after ${signal}, with exit code ${code}`;
  const grace = typeof data["graceMs"] === "number" ? ` within ${data["graceMs"] / 1_000} s` : "";
  return `killed, since it did not end${grace} after ${signal} (exit code ${code})`;
}

function memoryLimit(before: readonly Happening[]): string {
  const bytes = before.findLast(({ type }) => type === "instance.oom-killed")?.data["memoryBytes"];
  return typeof bytes === "number" ? `its ${formatBytes(bytes)} of memory` : "the memory that there was";
}

function signalName(number: number): string {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? `signal ${number}`;
}
