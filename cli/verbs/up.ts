import type { ProjectStatus } from "#contracts/api.ts";
import type { ProjectSpec } from "#contracts/project-spec.ts";
import { applyProject } from "../api/resources.ts";
import { reportFailures } from "../follow/failures.ts";
import { ProgressLines } from "../follow/progress-lines.ts";
import { followProject, type Goal, judge } from "../follow/project.ts";
import { runInForeground } from "../follow/foreground.ts";
import { serviceLines } from "../follow/service-lines.ts";
import { paint } from "../output/colour.ts";
import { formatPlace } from "../output/print-error.ts";
import { printJson } from "../output/table.ts";
import { printTraceId } from "../output/trace-id.ts";
import { defineVerb, type Invocation } from "../verb.ts";
import { requireComposeFile } from "../project-of.ts";

export const up = defineVerb({
  name: "up",
  summary: "apply a Compose file: create, replace what changed, remove what went, leave the rest",
  details: `Without -d it follows the logs until Ctrl-C, which stops the services; a second one ends at once.
Exits with 0 when all services are as wanted, with 1 when one failed, saying why.`,
  traced: "silently",
  flags: {
    file: { type: "string", short: "f", value: "FILE", help: "the Compose file (compose.yaml here or above)" },
    project: { type: "string", short: "p", value: "NAME", help: "the project's name" },
    profile: {
      type: "string",
      multiple: true,
      value: "NAME",
      help: "services with this profile too; `*` is all ($COMPOSE_PROFILES)",
    },
    detach: { type: "boolean", short: "d", help: "return when the services are started" },
    wait: { type: "boolean", help: "return when they are ready: running, and healthy where they have a check (with -d)" },
  },
  async run(invocation) {
    const { flags, api, signal, terminal, json } = invocation;
    const spec = await readFile(invocation);
    const startedAt = new Date().toISOString();
    const applied = await applyProject(api, spec, signal);
    const goal: Goal = flags.wait || json ? "ready" : "started";
    const status = await settle(invocation, spec.name, { cursor: applied.cursor, generation: applied.generation, goal });
    if (json) printJson(terminal, status);
    else printTraceId(invocation);
    if (judge(status, goal) === "failed") return reportFailures(invocation, status);
    if (flags.detach || flags.wait || json) return 0;
    return runInForeground(invocation, status, { cursor: applied.cursor, since: startedAt });
  },
});

type UpInvocation = Pick<Invocation, "api" | "terminal" | "signal" | "environment"> & {
  flags: { file: string | undefined; project: string | undefined; profile: string[] };
};

async function readFile({ flags, environment, terminal }: UpInvocation): Promise<ProjectSpec> {
  const { parseComposeFile } = await import("#contracts/compose/parse-compose-file.ts");
  return parseComposeFile({
    path: requireComposeFile(flags.file),
    environment,
    profiles: flags.profile,
    ...(flags.project === undefined ? {} : { projectName: flags.project }),
    onWarning: ({ message, place }) =>
      terminal.stderr.write(
        `${paint(terminal.colourErrors, "yellow", "slipway: warning:")} ${message} (${formatPlace(place)})\n`,
      ),
  });
}

/** Shows a project's way to the goal; resolves to its status there, or where it failed. */
async function settle(
  { api, terminal, signal }: UpInvocation,
  project: string,
  { cursor, generation, goal }: { cursor: number; generation: number; goal: Goal },
): Promise<ProjectStatus> {
  const progress = new ProgressLines(terminal);
  for await (const status of followProject(api, project, cursor, signal)) {
    if (status === undefined) return { project, generation, state: "removing", services: [] };
    // Before the change is taken in, the status is that of the file before it.
    if (status.generation < generation) continue;
    progress.update(serviceLines(status, terminal.colourErrors));
    if (judge(status, goal) !== "under way") return status;
  }
  throw signal.reason;
}
