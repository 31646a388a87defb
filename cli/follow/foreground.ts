import type { ProjectStatus } from "#contracts/api.ts";
import type { LogRecord } from "#contracts/api.ts";
import { SlipwayError } from "#contracts/slipway-error.ts";
import { listInstances, operateInstance } from "../api/resources.ts";
import { LogPrinter } from "../output/log-printer.ts";
import type { Invocation } from "../verb.ts";
import { ProgressLines } from "./progress-lines.ts";
import { followProject, isAtRest } from "./project.ts";
import { serviceLines } from "./service-lines.ts";

const INTERRUPTED = 130;

type Foreground = Pick<Invocation, "api" | "terminal" | "signal" | "takeSignals">;

/**
 * Follows a project's logs until all its processes have ended, or until Ctrl-C: the first one stops the services and waits
 * for them, a second one leaves at once.
 */
export async function runInForeground(
  invocation: Foreground,
  status: ProjectStatus,
  from: { cursor: number; since: string },
): Promise<number> {
  const { terminal, api, takeSignals } = invocation;
  const leave = new AbortController();
  const interrupted = Promise.withResolvers<"interrupted">();
  let interrupts = 0;
  using _signals = takeSignals(() => {
    interrupted.resolve("interrupted");
    if (interrupts++ > 0) leave.abort();
  });
  const { signal } = leave;
  const logs = printLogs(invocation, status, from.since, signal);
  const ended = waitForRest(invocation, status.project, from.cursor, signal).then(() => "ended" as const);
  const outcome = await Promise.race([interrupted.promise, ended]);
  if (outcome === "interrupted") {
    terminal.stderr.write("\nStopping (Ctrl-C again leaves at once)\n");
    await stopServices(api, status.project, signal);
    await ended;
  }
  leave.abort();
  await logs;
  return outcome === "interrupted" ? INTERRUPTED : 0;
}

async function printLogs(
  { api, terminal }: Foreground,
  status: ProjectStatus,
  since: string,
  signal: AbortSignal,
): Promise<void> {
  const printer = new LogPrinter(terminal, { times: false, names: status.services.map(({ service }) => service) });
  const query = { project: status.project, follow: true, since };
  for await (const record of api.lines<LogRecord>({ path: ["logs"], query, signal })) await printer.print(record);
}

async function waitForRest(
  { api, terminal }: Foreground,
  project: string,
  cursor: number,
  signal: AbortSignal,
): Promise<void> {
  const progress = new ProgressLines({ ...terminal, stderr: terminal.stderr });
  try {
    for await (const status of followProject(api, project, cursor, signal)) {
      if (status === undefined) return;
      if (isAtRest(status)) {
        progress.update(serviceLines(status, terminal.colourErrors));
        return;
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** All at once: each has its own grace period. One that has gone meanwhile needs no stop. */
async function stopServices(api: Foreground["api"], project: string, signal: AbortSignal): Promise<void> {
  const instances = await listInstances(api, { project }, signal);
  await Promise.all(
    instances.map(async ({ instanceId }) => {
      try {
        await operateInstance(api, instanceId, "stop", signal);
      } catch (error) {
        if (!(error instanceof SlipwayError) || ![404, 409].includes(error.status)) throw error;
      }
    }),
  );
}
