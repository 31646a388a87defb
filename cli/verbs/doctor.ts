import type { DoctorCheck } from "#contracts/api.ts";
import { getDoctorChecks } from "../api/resources.ts";
import { paint } from "../output/colour.ts";
import { printJson } from "../output/table.ts";
import { defineVerb } from "../verb.ts";

const MARKS = { ok: ["✔", "green"], limited: ["!", "yellow"], missing: ["✖", "red"] } as const;

export const doctor = defineVerb({
  name: "doctor",
  summary: "print what this kernel and machine allow, what that means, and what to do about the rest",
  details: "Exits with 1 when something is missing that Slipway needs.",
  flags: {},
  async run({ api, signal, terminal, json }) {
    const checks = await getDoctorChecks(api, signal);
    if (json) printJson(terminal, checks);
    else terminal.stdout.write(checks.map((check) => formatCheck(check, terminal.colour)).join(""));
    return checks.some(({ verdict }) => verdict === "missing") ? 1 : 0;
  },
});

function formatCheck({ id, verdict, found, means, remedy }: DoctorCheck, colour: boolean): string {
  const [mark, style] = MARKS[verdict];
  const head = `${paint(colour, style, mark)} ${paint(colour, "bold", id)}: ${found}\n`;
  if (verdict === "ok") return head;
  return `${head}    ${means}\n${remedy === "" ? "" : `    → ${remedy}\n`}`;
}
