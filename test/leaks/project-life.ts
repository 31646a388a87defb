import { applyProject, deleteProject, listInstances, operateInstance } from "#cli/api/resources.ts";
import { followProject, judge } from "#cli/follow/project.ts";
import { parseComposeFile } from "#contracts/compose/parse-compose-file.ts";
import type { ProjectStatus } from "#contracts/api.ts";
import type { ObservedInstance } from "#contracts/instance.ts";
import type { ProjectSpec } from "#contracts/project-spec.ts";
import { draftProject } from "./draft-project.ts";
import type { LifeContext } from "./life.ts";
import { isNotFound } from "./platform-calls.ts";

/** Longer than any wait of the platform's own (for credentials, for a pull that is refused), on a loaded machine. */
const SETTLE_MS = 180_000;
const MOST_ACTS = 3;

type Act = (context: LifeContext, project: RunningProject) => Promise<void>;

interface RunningProject {
  draft: ReturnType<typeof draftProject>;
  /** Applies the draft as it is by now. */
  apply: () => Promise<void>;
}

/** `up`, some of what people do with a project, `down -v`. */
export async function projectLife(context: LifeContext): Promise<void> {
  const { random, surroundings, tally, calls, name } = context;
  const draft = draftProject(random, surroundings);
  for (const feature of draft.features) tally.add(feature);
  const apply = (): Promise<void> => up(context, parse(draft.compose, name));
  await apply();
  for (let acts = random.between(0, MOST_ACTS); acts > 0; acts--) {
    const act = random.pick(Object.keys(ACTS) as [string, ...string[]]);
    await tally.attempt(act, () => ACTS[act]!(context, { draft, apply }));
  }
  await calls.insist(() => down(context));
}

const ACTS: Readonly<Record<string, Act>> = {
  async "up that replaces"({ random }, { draft, apply }) {
    for (const service of Object.values(draft.compose.services)) {
      if (random.chance(0.6)) service.environment = { TURN: String(random.between(0, 1e9)) };
    }
    await apply();
  },
  async "up that scales"({ random }, { draft, apply }) {
    const service = Object.values(draft.compose.services)[0]!;
    const isFixed = ((service.ports as string[] | undefined) ?? []).some((port) => !port.startsWith("127.0.0.1:0:"));
    if (!isFixed) service.deploy = { replicas: random.between(0, 3) };
    await apply();
  },
  async exec(context) {
    const instance = await anInstance(context, ({ state }) => state === "running");
    if (instance === undefined) return;
    const command = context.random.pick([["true"], ["sh", "-c", "echo out; exit 4"], ["no-such-command"]]);
    const request = Buffer.from(JSON.stringify({ command, environment: {}, interactive: false })).toString("base64url");
    await context.calls.join(["instances", instance.instanceId, "exec"], { request });
  },
  stop: (context) => operate(context, "stop"),
  start: (context) => operate(context, "start"),
  restart: (context) => operate(context, "restart"),
  async "kill of a container"(context) {
    const instance = await anInstance(context, ({ pid }) => pid !== null);
    if (typeof instance?.pid === "number") killIfThere(instance.pid);
  },
};

async function operate(context: LifeContext, operation: "stop" | "start" | "restart"): Promise<void> {
  const instance = await anInstance(context, () => true);
  if (instance === undefined) return;
  await operateInstance(context.calls.api, instance.instanceId, operation, context.calls.signal);
}

async function anInstance(
  { calls, name, random }: LifeContext,
  fits: (instance: ObservedInstance) => boolean,
): Promise<ObservedInstance | undefined> {
  const instances = await listInstances(calls.api, { project: name, all: true }, calls.signal);
  const fitting = instances.filter(fits).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return fitting.length === 0 ? undefined : random.pick(fitting as [ObservedInstance, ...ObservedInstance[]]);
}

async function up({ calls, tally }: LifeContext, spec: ProjectSpec): Promise<void> {
  await tally.attempt("up", async () => {
    const { cursor, generation } = await calls.insist(() => applyProject(calls.api, spec, calls.signal));
    const isThere = (status: ProjectStatus | undefined): boolean =>
      status !== undefined && status.generation >= generation && judge(status, "ready") !== "under way";
    await follow(calls, spec.name, cursor, isThere);
  });
}

async function down({ calls, name, tally }: LifeContext): Promise<void> {
  tally.add("down -v");
  try {
    const { cursor } = await deleteProject(calls.api, name, true, calls.signal);
    await follow(calls, name, cursor, (status) => status === undefined);
  } catch (error) {
    // Asked for twice, since the first answer was lost.
    if (!isNotFound(error)) throw error;
  }
}

/** Follows a project until it is where it should be; a platform that never gets there has lost it. */
async function follow(
  calls: LifeContext["calls"],
  name: string,
  cursor: number,
  isThere: (status: ProjectStatus | undefined) => boolean,
): Promise<void> {
  const limit = AbortSignal.timeout(SETTLE_MS);
  const signal = AbortSignal.any([calls.signal, limit]);
  let last: ProjectStatus | undefined;
  try {
    for await (const status of followProject(calls.api, name, cursor, signal)) {
      last = status;
      if (isThere(status)) return;
    }
  } catch (error) {
    if (!limit.aborted) throw error;
  }
  calls.signal.throwIfAborted();
  throw new Error(`project ${name} came to no rest within ${SETTLE_MS} ms; last: ${JSON.stringify(last)}`);
}

function parse(compose: object, projectName: string): ProjectSpec {
  return parseComposeFile({ text: JSON.stringify(compose), projectName, environment: {}, directory: "/" });
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
