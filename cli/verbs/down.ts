import { RUN_PROJECT } from "#contracts/wire-names.ts";
import type { ApiClient } from "../api/client.ts";
import { deleteProject, listInstances, listProjects, removeInstance } from "../api/resources.ts";
import { cliError } from "../errors.ts";
import { ProgressLines } from "../follow/progress-lines.ts";
import { followProject } from "../follow/project.ts";
import { serviceLines } from "../follow/service-lines.ts";
import { paint } from "../output/colour.ts";
import { requireProject } from "../project-of.ts";
import { defineVerb, type Invocation } from "../verb.ts";

export const down = defineVerb({
  name: "down",
  summary: "stop and remove a project",
  traced: "told",
  flags: {
    volumes: { type: "boolean", short: "v", help: "remove the project's volumes, too: their data is gone" },
    file: { type: "string", short: "f", value: "FILE", help: "the Compose file that names the project" },
    project: { type: "string", short: "p", value: "NAME", help: "the project's name" },
    all: { type: "boolean", help: "every project, and every container of `slipway run`" },
  },
  async run(invocation) {
    const { flags, environment } = invocation;
    if (flags.all && flags.project !== undefined)
      throw cliError("SLIPWAY_CLI_USAGE", "-p names one project and --all means every one");
    if (flags.all) return removeEverything(invocation, flags.volumes);
    await removeProject(invocation, await requireProject(flags.project, flags.file, environment), flags.volumes);
  },
});

type Removal = Pick<Invocation, "api" | "terminal" | "signal">;

/** Takes down every project, and removes every container of `slipway run`. */
export async function removeEverything(removal: Removal, volumes: boolean): Promise<void> {
  const { api, signal } = removal;
  const projects = await listProjects(api, signal);
  await Promise.all([...projects.map(({ project }) => removeProject(removal, project, volumes)), removeRuns(api, signal)]);
}

/** Asks for the removal and shows it until nothing of the project is left. */
async function removeProject({ api, terminal, signal }: Removal, project: string, volumes: boolean): Promise<void> {
  const { cursor } = await deleteProject(api, project, volumes, signal);
  const progress = new ProgressLines(terminal);
  const seen = new Set<string>();
  for await (const status of followProject(api, project, cursor, signal)) {
    if (status === undefined) break;
    for (const { service } of status.services) seen.add(service);
    progress.update(serviceLines(status, terminal.colourErrors));
  }
  const mark = paint(terminal.colourErrors, "green", "✔");
  const width = Math.max(0, ...[...seen].map((service) => service.length));
  progress.update([...seen].map((service) => [service, `${mark} ${service.padEnd(width)}  removed`]));
  progress.set(` ${project}`, `${mark} project ${project} removed${volumes ? ", its volumes too" : ""}`);
}

async function removeRuns(api: ApiClient, signal: AbortSignal): Promise<void> {
  const instances = await listInstances(api, { project: RUN_PROJECT, all: true }, signal);
  await Promise.all(instances.map(({ instanceId }) => removeInstance(api, instanceId, true, signal)));
}
