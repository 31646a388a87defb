import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PACKAGE_ROOT } from "#contracts/process-entry.ts";
import type { Measurement } from "./enclosed.ts";
import type { Machine } from "./machine.ts";
import type { Verdict } from "./verdicts.ts";

export interface Report extends Measurement {
  bench: string;
  title: string;
  method: string;
  takenAt: string;
  machine: Machine;
  /** CPUs that others kept busy just before, and the load average then. */
  otherLoad: number;
  loadAverage: number;
  verdicts: Verdict[];
}

const FOLDER = join(PACKAGE_ROOT, "bench/results");

export function writeReport(report: Report): void {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(join(FOLDER, `${report.bench}.json`), `${JSON.stringify(report, null, 2)}\n`);
}

export function readReports(): Report[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith(".json"))
    .map((name) => JSON.parse(readFileSync(join(FOLDER, name), "utf8")) as Report);
}
