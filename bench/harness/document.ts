import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { PACKAGE_ROOT } from "#contracts/process-entry.ts";
import type { Contender } from "./bench.ts";
import type { Machine } from "./machine.ts";
import type { Report } from "./report.ts";

const HEAD = `# Benchmarks

Written by \`npm run bench\` from \`bench/results/*.json\`: change neither by hand. Every contender ran in the same run, in turns, on the same
machine. Times are of whole requests as a user makes them; \`cpuMs\` is the CPU time of all processes that took part, the container's and the daemons' among
them. A ratio is worth more than a number: the machine is given with each.
`;

/** Writes docs/benchmarks.md. The order is that of the names given; what was never measured is left out. */
export function writeDocument(reports: readonly Report[], order: readonly string[]): void {
  const sorted = order.flatMap((name) => reports.filter(({ bench }) => bench === name));
  const text = [HEAD, overview(sorted), ...sorted.map(chapter)].join("\n");
  writeFileSync(join(PACKAGE_ROOT, "docs/benchmarks.md"), text);
}

function overview(reports: readonly Report[]): string {
  const rows = reports.flatMap(({ bench, title, verdicts }) =>
    verdicts.map(
      ({ target, outcome, met }) => `| [${title}](#${bench}) | ${target} | ${outcome} | ${met ? "met" : "**missed**"} |`,
    ),
  );
  return ["## Targets", "", "| what | target | came out | |", "|---|---|---|---|", ...rows, ""].join("\n");
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
