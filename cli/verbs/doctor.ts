import type { DoctorCheck } from "#contracts/api.ts";
import { defaultHome } from "../api/target.ts";
import { getDoctorChecks } from "../api/resources.ts";
import { cliError } from "../errors.ts";
import { paint } from "../output/colour.ts";
import { printJson } from "../output/table.ts";
import { formatRepair } from "../repair/format-repair.ts";
import { startRepair } from "../repair/start-repair.ts";
import { defineVerb, type Invocation } from "../verb.ts";

const MARKS = { ok: ["✔", "green"], limited: ["!", "yellow"], missing: ["✖", "red"] } as const;
/** Where a package's server keeps its state; a checkout's is elsewhere. */
const PACKAGE_HOME = "/var/lib/slipway";

export const doctor = defineVerb({
  name: "doctor",
  summary: "print what this kernel and machine allow, what that means, and what to do about the rest",
  details: `Exits with 1 when something is missing that Slipway needs.
With --repair (as root; no server is needed): finds what crashed servers, and ones whose home was deleted, have left on this machine
(processes, containers, links, nft tables, cgroups, mounts, run folders, files of writes that were cut short) and removes it, saying what. What a server
uses, or will take up at its next start, is let be. Exits with 1 when something could not be removed, or with --dry-run when something is there.`,
  flags: {
    repair: { type: "boolean", help: "remove what dead servers have left on this machine" },
    "dry-run": { type: "boolean", help: "with --repair: only say what would be removed" },
    home: { type: "string", value: "DIR", help: "with --repair: only of the server with this home" },
  },
  async run(invocation) {
    const { flags, api, signal, terminal, json } = invocation;
    if (flags.repair) return runRepair(invocation);
    if (flags["dry-run"] || flags.home !== undefined)
      throw cliError("SLIPWAY_CLI_USAGE", `${flags["dry-run"] ? "--dry-run" : "--home"} goes with --repair`);
    const checks = await getDoctorChecks(api, signal);
    if (json) printJson(terminal, checks);
    else terminal.stdout.write(checks.map((check) => formatCheck(check, terminal.colour)).join(""));
    return checks.some(({ verdict }) => verdict === "missing") ? 1 : 0;
  },
});

async function runRepair({
  flags,
  environment,
  signal,
  terminal,
  json,
}: Pick<Invocation, "environment" | "signal" | "terminal" | "json"> & {
  flags: { "dry-run": boolean; home: string | undefined };
}): Promise<number> {
  const homes = [defaultHome(environment), PACKAGE_HOME];
  const report = await startRepair({ homes, only: flags.home, dryRun: flags["dry-run"], signal });
  if (json) printJson(terminal, report);
  else terminal.stdout.write(formatRepair(report, terminal.colour));
  return report.leftovers.some(({ fate }) => fate !== "removed") ? 1 : 0;
}

function formatCheck({ id, verdict, found, means, remedy }: DoctorCheck, colour: boolean): string {
  const [mark, style] = MARKS[verdict];
  const head = `${paint(colour, style, mark)} ${paint(colour, "bold", id)}: ${found}\n`;
  if (verdict === "ok") return head;
  return `${head}    ${means}\n${remedy === "" ? "" : `    → ${remedy}\n`}`;
}
