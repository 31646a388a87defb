import { constants } from "node:os";
import { containerError } from "./errors.ts";

/** A signal's number: `SIGTERM`, `TERM`, `15`, `SIGRTMIN+3` (signal(7)). */
export function signalNumber(name: string): number {
  if (/^\d+$/.test(name) && Number(name) >= 1 && Number(name) <= 64) return Number(name);
  const full = name.toUpperCase().startsWith("SIG") ? name.toUpperCase() : `SIG${name.toUpperCase()}`;
  const known = (constants.signals as Record<string, number>)[full];
  if (known !== undefined) return known;
  const realTime = /^SIGRTMIN(?:\+(\d+))?$/.exec(full);
  // glibc keeps two real-time signals: its SIGRTMIN is 34.
  if (realTime !== null) return 34 + Number(realTime[1] ?? 0);
  throw containerError("SLIPWAY_CONTAINER_SIGNAL_UNKNOWN", `"${name}" is no signal`);
}
