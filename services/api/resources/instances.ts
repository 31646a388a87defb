import { Type } from "typebox";
import { InstanceDetails, LaunchReport, RunRequest } from "#contracts/api.ts";
import { ObservedInstance } from "#contracts/instance.ts";
import type { ApiApp } from "../api-app.ts";
import type { ApiContext } from "../api-context.ts";
import { callerOf } from "../caller.ts";
import { clientSignal } from "../client-signal.ts";
import { knownInstances, resolveInstance } from "../instance-reference.ts";
import { pauseInstance, unpauseInstance } from "../instances/pause-instance.ts";
import { removeInstance } from "../instances/remove-instance.ts";
import { runInstance } from "../instances/run-instance.ts";
import { restartInstance, startInstance, stopInstance } from "../instances/stop-and-start.ts";
import { tellRequest } from "../instances/tell-request.ts";
import { askNode } from "../node-client.ts";
import { NOTHING } from "./answers.ts";

const params = Type.Object({ ref: Type.String({ minLength: 1 }) });
const listQuery = Type.Object({
  project: Type.Optional(Type.String()),
  service: Type.Optional(Type.String()),
  all: Type.Optional(Type.Boolean({ description: "Also those that have ended." })),
});
const removalQuery = Type.Object({ force: Type.Optional(Type.Boolean()) });
const ENDED = ["exited", "failed"];

export function instancesResource(app: ApiApp, context: ApiContext): void {
  const { state } = context;
  const one = { 200: ObservedInstance };
  app.get(
    "/instances",
    { schema: { summary: "Instances", querystring: listQuery, response: { 200: Type.Array(ObservedInstance) } } },
    async ({ query }) =>
      knownInstances(state.snapshot())
        .map(({ observed }) => observed)
        .filter(({ project }) => query.project === undefined || project === query.project)
        .filter(({ service }) => query.service === undefined || service === query.service)
        .filter((observed) => query.all === true || !ENDED.includes(observed.state)),
  );
  app.post(
    "/instances",
    { schema: { summary: "Run one instance", body: RunRequest, response: { 201: ObservedInstance } } },
    async (request, reply) => reply.code(201).send(await runInstance(context, request.body)),
  );
  app.get(
    "/instances/:ref",
    { schema: { summary: "An instance and its spec", params, response: { 200: InstanceDetails } } },
    (request, reply) => {
      const { observed, assignment } = resolveInstance(state.snapshot(), request.params.ref);
      void reply.send({ observed, spec: assignment?.spec ?? null });
    },
  );
  app.get(
    "/instances/:ref/plan",
    { schema: { summary: "Its last launch, step by step", params, response: { 200: LaunchReport } } },
    (request) => {
      const { observed } = resolveInstance(state.snapshot(), request.params.ref);
      return askNode(context, "plan", { instanceId: observed.instanceId });
    },
  );
  const actions = {
    stop: stopInstance,
    start: startInstance,
    restart: restartInstance,
    pause: pauseInstance,
    unpause: unpauseInstance,
  };
  for (const [name, act] of Object.entries(actions)) {
    app.post(
      `/instances/:ref/${name}`,
      { schema: { summary: `${name[0]?.toUpperCase()}${name.slice(1)} an instance`, params, response: one } },
      async (request, reply) => {
        await tellRequest(context, request.params.ref, { operation: name, ...callerOf(request) });
        return act(context, request.params.ref, clientSignal(reply, context.closing));
      },
    );
  }
  app.delete(
    "/instances/:ref",
    { schema: { summary: "Remove an instance", params, querystring: removalQuery, response: NOTHING } },
    async (request, reply) => {
      const signal = clientSignal(reply, context.closing);
      await tellRequest(context, request.params.ref, { operation: "remove", ...callerOf(request) });
      await removeInstance(context, request.params.ref, request.query.force ?? false, signal);
      return reply.code(204).send(null);
    },
  );
}
