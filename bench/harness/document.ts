import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { PACKAGE_ROOT } from "#contracts/process-entry.ts";
import type { Bench, Contender, Target } from "./bench.ts";
import type { Machine } from "./machine.ts";
import type { Report } from "./report.ts";
import { judge, targetInWords } from "./verdicts.ts";

const HEAD = `# Benchmarks

Written by \`npm run bench\` from \`bench/results/*.json\`: change neither by hand. Every contender ran in the same run, in turns, on the same
machine. Times are of whole requests as a user makes them; \`cpuMs\` is the CPU time of all processes that took part, the container's and the daemons' among
them. A ratio is worth more than a number: the machine is given with each.
`;

/** Writes docs/benchmarks.md, in the order of the benchmarks given. A target that nothing was measured for is named, too. */
export function writeDocument(reports: readonly Report[], benches: ReadonlyMap<string, Bench>): void {
  const sorted = [...benches.keys()].flatMap((name) => reports.filter(({ bench }) => bench === name));
  const text = [HEAD, overview(sorted, benches), ...sorted.map(chapter)].join("\n");
  writeFileSync(join(PACKAGE_ROOT, "docs/benchmarks.md"), text);
}

function overview(reports: readonly Report[], benches: ReadonlyMap<string, Bench>): string {
  const rows = [...benches].flatMap(([name, { title, targets }]) => {
    const report = reports.find(({ bench }) => bench === name);
    const what = report === undefined ? title : `[${title}](#${name})`;
    return targets.map((target) => `| ${what} | ${targetInWords(target)} | ${outcomeOf(target, report)} |`);
  });
  return ["## Targets", "", "| what | target | came out | |", "|---|---|---|---|", ...rows, ""].join("\n");
}

function outcomeOf(target: Target, report: Report | undefined): string {
  if (report === undefined) return "not measured yet | ";
  const verdict = judge(target, report.contenders);
  if (verdict === undefined) return "not measured: who is absent is named below | ";
  return `${verdict.outcome} | ${verdict.met ? "met" : "**missed**"}`;
}

function chapter(report: Report): string {
  const { bench, title, method, contenders, absent, notes } = report;
  return [
    `## ${bench}`,
    "",
    `${title}. ${method}`,
    "",
    ...table(contenders),
    "",
    ...absent.map(({ name, reason }) => `- ${name} is absent: ${reason}`),
    ...notes.map((note) => `- ${note}`),
    `- ${conditions(report)}`,
    "",
  ].join("\n");
}

function table(contenders: readonly Contender[]): string[] {
  const metrics = [...new Set(contenders.flatMap(({ metrics: all }) => Object.keys(all)))];
  const rows = contenders.map(
    ({ name, metrics: all }) => `| ${name} | ${metrics.map((one) => all[one] ?? "").join(" | ")} |`,
  );
  return [`| | ${metrics.join(" | ")} |`, `|---|${metrics.map(() => "--:").join("|")}|`, ...rows];
}

function conditions({ machine, otherLoad, loadAverage, takenAt }: Report): string {
  return `${takenAt.slice(0, 16).replace("T", " ")} UTC on ${facts(machine)}; load average before ${loadAverage}, CPUs busy with other things ${otherLoad}.`;
}

function facts({ cpu, cpus, memoryGb, kernel, node, cgroups, fsyncP50Ms, fsyncP99Ms }: Machine): string {
  return `${cpus} × ${cpu}, ${memoryGb} GB, Linux ${kernel}, cgroup ${cgroups}, Node ${node}; fsync p50 ${fsyncP50Ms} ms, p99 ${fsyncP99Ms} ms`;
}
