/**
 * `main.ts [NAMES…] [--quick] [--force]`: runs the benchmarks, writes their results and docs/benchmarks.md. With something else going on it measures
 * and prints, and writes only when forced; so does --quick.
 */
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { setTimeout as delay } from "node:timers/promises";
import type { Bench } from "./harness/bench.ts";
import { writeDocument } from "./harness/document.ts";
import type { Measurement } from "./harness/enclosed.ts";
import { removeCgroup, runEnclosed } from "./harness/enclosure.ts";
import { describeMachine, loadAverage, otherLoad } from "./harness/machine.ts";
import { readReports, type Report, writeReport } from "./harness/report.ts";
import { judge } from "./harness/verdicts.ts";
import { setUpPeers } from "./peers/set-up.ts";

const LONGEST_BENCH_MS = 5 * 60_000;
const MOST_OTHER_LOAD = 1;
/** The order of the document, and of a run: what a loaded machine disturbs most comes first. */
const ORDER = [
  "launch",
  "network",
  "run",
  "compose",
  "starts",
  "idle-containers",
  "idle-platform",
  "pull",
  "dns",
  "gateway",
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: "boolean", default: false }, force: { type: "boolean", default: false } },
});
const known = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith(".ts") && file !== "main.ts")
  .map((file) => file.slice(0, -".ts".length))
  .toSorted((a, b) => ORDER.indexOf(a) - ORDER.indexOf(b));
const unknown = positionals.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`no benchmark is named ${unknown.join(" or ")}; there are ${known.join(", ")}`);
  process.exit(2);
}

setUpPeers();
for (const name of known) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  console.log(`\n== ${name}`);
  try {
    const report = await runBench(name);
    console.table(Object.fromEntries(report.contenders.map((one) => [one.name, one.metrics])));
    for (const note of report.notes) console.log(note);
    for (const { target, outcome, met } of report.verdicts)
      console.log(`${met ? "met   " : "missed"} ${target}: ${outcome}`);
    if (report.otherLoad > MOST_OTHER_LOAD && !values.force)
      console.log(`not written: others keep ${report.otherLoad} CPUs busy (--force writes all the same)`);
    else if (!values.quick || values.force) writeReport(report);
  } catch (error) {
    console.error(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
const benches = new Map<string, Bench>();
for (const name of known) benches.set(name, await loadBench(name));
writeDocument(readReports(), benches);

async function loadBench(name: string): Promise<Bench> {
  return ((await import(join(import.meta.dirname, `${name}.ts`))) as { bench: Bench }).bench;
}

async function runBench(name: string): Promise<Report> {
  const bench = await loadBench(name);
  const folder = mkdtempSync(join(tmpdir(), "slwbench-"));
  // Passable for the roots of containers.
  chmodSync(folder, 0o711);
  try {
    const conditions = { machine: describeMachine(folder), otherLoad: await otherLoad(), loadAverage: loadAverage() };
    const measurement = await measureEnclosed(name, folder);
    const verdicts = bench.targets.flatMap((target) => judge(target, measurement.contenders) ?? []);
    const { title, method } = bench;
    return { bench: name, title, method, takenAt: new Date().toISOString(), ...conditions, ...measurement, verdicts };
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function measureEnclosed(name: string, folder: string): Promise<Measurement> {
  const run = folder.split("/").at(-1) ?? "slwbench";
  const command = [process.execPath, join(import.meta.dirname, "harness/enclosed.ts"), name, folder];
  const enclosed = runEnclosed(run, values.quick ? [...command, "--quick"] : command, { TMPDIR: folder });
  const onInterrupt = (): void => enclosed.kill();
  process.once("SIGINT", onInterrupt).once("SIGTERM", onInterrupt);
  const limit = new AbortController();
  try {
    const late = delay(LONGEST_BENCH_MS, "late", { signal: limit.signal }).catch(() => "over");
    const end = await Promise.race([enclosed.ended, late]);
    if (end === "late") enclosed.kill();
    await enclosed.ended;
    if (end !== 0) throw new Error(`the benchmark ended with ${end}`);
    return JSON.parse(readFileSync(join(folder, "measured.json"), "utf8")) as Measurement;
  } finally {
    limit.abort();
    process.off("SIGINT", onInterrupt).off("SIGTERM", onInterrupt);
    removeCgroup(run);
    for (const own of ownCgroups(folder)) removeCgroup(own);
  }
}

/** Where platforms and nodes of this run had their containers: they wrote it down before they made it. */
function ownCgroups(folder: string): string[] {
  try {
    return readFileSync(join(folder, "cgroups"), "utf8").split("\n").filter(Boolean);
  } catch {
    return [];
  }
}
