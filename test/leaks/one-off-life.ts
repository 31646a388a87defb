import { getInstance, removeInstance } from "#cli/api/resources.ts";
import type { RunRequest } from "#contracts/api.ts";
import { parseComposeFile } from "#contracts/compose/parse-compose-file.ts";
import type { ObservedInstance } from "#contracts/instance.ts";
import type { ServiceSpec } from "#contracts/service-spec.ts";
import { setTimeout as delay } from "node:timers/promises";
import { draftProject } from "./draft-project.ts";
import type { LifeContext } from "./life.ts";
import { isAway, isNotFound } from "./platform-calls.ts";

const GONE_MS = 60_000;
const LOOK_MS = 50;
const LONGEST_STAY_MS = 500;

/** `run`, with and without `--rm`, attached and detached. */
export async function oneOffLife(context: LifeContext): Promise<void> {
  const { calls, random, name, tally } = context;
  const request: RunRequest = {
    spec: oneOffSpec(context),
    interactive: random.chance(0.2),
    attach: random.chance(0.7),
    removeOnExit: random.chance(0.7),
  };
  await tally.attempt(request.attach ? "run" : "run -d", async () => {
    const body = request;
    const { api, signal } = calls;
    const instance = await calls.insist(() => startOnce(context, { method: "POST", path: ["instances"], body, signal }));
    if (request.attach) await joinForAWhile(context, instance.instanceId);
    else await calls.insist(() => getInstance(api, instance.instanceId, signal));
  });
  await untilGone(context, name);
}

/** Some end by themselves, some are removed under whoever is attached. */
async function joinForAWhile(context: LifeContext, instanceId: string): Promise<void> {
  const { calls, random, name } = context;
  const joined = calls.join(["instances", instanceId, "attach"], {});
  await Promise.race([joined, delay(random.between(100, LONGEST_STAY_MS), undefined, { signal: calls.signal })]);
  await untilGone(context, name);
  await joined;
}

/** When the answer to the first request was lost, the instance may be there: it has its name. */
async function startOnce(
  { calls, name }: LifeContext,
  request: Parameters<typeof calls.api.one>[0],
): Promise<ObservedInstance> {
  try {
    return await calls.api.one<ObservedInstance>(request);
  } catch (error) {
    if (!isAway(error)) throw error;
    const details = await calls
      .insist(() => getInstance(calls.api, name, calls.signal))
      .catch((missing: unknown) => {
        throw isNotFound(missing) ? error : missing;
      });
    return details.observed;
  }
}

/** Removes it, whatever became of it, until the platform knows no such instance. */
async function untilGone({ calls }: LifeContext, name: string): Promise<void> {
  const deadline = performance.now() + GONE_MS;
  for (;;) {
    try {
      await calls.insist(() => removeInstance(calls.api, name, true, calls.signal));
    } catch (error) {
      if (isNotFound(error)) return;
      if (performance.now() > deadline) throw error;
    }
    await delay(LOOK_MS, undefined, { signal: calls.signal });
  }
}

/** One service of a drawn project. Named volumes are left out: those of `run` outlive their containers by design. */
function oneOffSpec({ random, surroundings, name, tally }: LifeContext): ServiceSpec {
  const { compose, features } = draftProject(random, surroundings);
  const [service] = Object.values(compose.services);
  for (const feature of features) tally.add(feature);
  const volumes = ((service!.volumes as unknown[] | undefined) ?? []).filter(
    (volume) => typeof volume !== "string" || volume.startsWith("/"),
  );
  const text = JSON.stringify({
    ...compose,
    services: { one: { ...service, volumes, container_name: name, restart: "no", deploy: {}, "x-slipway": {} } },
  });
  return parseComposeFile({ text, projectName: "run", environment: {}, directory: "/" }).services["one"]!;
}
