import { randomBytes } from "node:crypto";
import type { RunRequest } from "#contracts/api.ts";
import { instanceKey } from "#contracts/buckets.ts";
import { type Assignment, type ObservedInstance, RUN_PROJECT } from "#contracts/instance.ts";
import type { NetworkSpec, ProjectSpec, VolumeSpec } from "#contracts/project-spec.ts";
import { networksOf, pick, serviceRevision, volumesOf } from "#services/state/revision.ts";
import { activeTraceparent } from "#services/state/trace-context.ts";
import type { ApiContext } from "../api-context.ts";
import { requireRoom } from "../disk-room.ts";
import { pendingObservation } from "../instance-reference.ts";
import { requireProject } from "../projects/change-project.ts";
import { checkOneOffNeighbours } from "../projects/neighbour-checks.ts";
import { checkService } from "../projects/spec-checks.ts";

const ID_BYTES = 6;
const NAMED_DIGITS = 6;

/** Assigns one instance that belongs to no project's spec: `slipway run`. */
export async function runInstance(context: ApiContext, request: RunRequest): Promise<ObservedInstance> {
  const { state, platform } = context;
  const surroundings = surroundingsOf(context, request);
  checkService(surroundings, request.spec);
  checkOneOffNeighbours(request.spec, surroundings.name, state.snapshot());
  await requireRoom(context.home);
  const assignment = newAssignment(context.node, request, surroundings);
  await state.assignments.update(instanceKey(assignment.node, assignment.instanceId), assignment, 0);
  await platform.events.append({
    type: "instance.assigned",
    source: "/control/api",
    subject: `${assignment.project}/${assignment.service}/${assignment.name}`,
    project: assignment.project,
    data: { instanceId: assignment.instanceId, node: assignment.node, revision: assignment.revision, index: 1 },
  });
  return pendingObservation(assignment);
}

/** The networks and volumes that it may use: its project's, or in `run` whatever it names. */
function surroundingsOf({ state }: ApiContext, { spec, project = RUN_PROJECT }: RunRequest): ProjectSpec {
  if (project !== RUN_PROJECT) {
    const { name, networks, volumes, services } = requireProject(state, project).spec;
    return { name, networks, volumes, services: { ...services, [spec.name]: spec } };
  }
  const network = (name: string): NetworkSpec => ({ name, internal: false, labels: {} });
  const volume = (name: string): VolumeSpec => ({ name, driver: "local", driverOptions: {}, labels: {} });
  return {
    name: project,
    services: { [spec.name]: spec },
    networks: Object.fromEntries(networksOf(spec).map((name) => [name, network(name)])),
    volumes: Object.fromEntries(volumesOf(spec).map((name) => [name, volume(name)])),
  };
}

function newAssignment(node: string, request: RunRequest, surroundings: ProjectSpec): Assignment {
  const { spec, interactive, attach, removeOnExit } = request;
  const instanceId = randomBytes(ID_BYTES).toString("hex");
  const traceparent = activeTraceparent();
  return {
    instanceId,
    name: spec.containerName ?? `${surroundings.name}-${spec.name}-${instanceId.slice(0, NAMED_DIGITS)}`,
    project: surroundings.name,
    service: spec.name,
    index: 1,
    revision: serviceRevision(surroundings, spec.name),
    node,
    desired: "running",
    runSerial: 0,
    spec,
    networks: pick(surroundings.networks, networksOf(spec)),
    volumes: pick(surroundings.volumes, volumesOf(spec)),
    attached: { interactive, waitForAttach: attach, removeOnExit },
    createdAt: new Date().toISOString(),
    ...(traceparent === undefined ? {} : { traceparent }),
  };
}
