import { ContainerCgroup } from "../cgroup/container-cgroup.ts";
import type { ChildExit } from "../launch/children.ts";
import type { ProcessLaunch } from "../launch/container-launch.ts";
import type { InstanceFolder, InstanceRecord } from "./instance-record.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { NodeServices } from "./node-services.ts";
import type { StartedContainer } from "./start-container.ts";

export type RecoveredContainer =
  /** No process of it runs, and what a start that was cut short took is given back. */
  | { type: "idle" }
  | { type: "running"; started: StartedContainer }
  | { type: "ended"; exit: ChildExit; oomKilled: boolean };

export interface RecoverOptions {
  signal: AbortSignal;
  /** It failed before, again and again: what a container that has ended wrote last keeps it no longer. */
  atAnyCost: boolean;
}

/**
 * Beside `startContainer`: takes over a container that a former agent started. One that ended meanwhile is given back what it
 * took, and its exit is told once; one that the supervisor never heard of (the machine was rebooted) has ended with an unknown
 * code. When it throws, a container that runs has lost nothing, and it can be called again.
 */
export async function recoverContainer(
  node: NodeServices,
  record: InstanceRecord,
  folder: InstanceFolder,
  { signal, atAnyCost }: RecoverOptions,
): Promise<RecoveredContainer> {
  const { assignment, lifecycle, process } = record;
  const { instanceId } = assignment;
  const cgroup = new ContainerCgroup(node.cgroups, node.home.hash, instanceId);
  const drain = async (): Promise<void> => {
    try {
      await node.logs.drain(assignment, folder.stream("stdout"), folder.stream("stderr"), folder.logs);
    } catch (error) {
      if (!atAnyCost) throw error;
      console.error(`the last output of ${assignment.name} is lost:`, error);
    }
  };
  if (lifecycle.type !== "running") {
    await drain();
    await giveBack(node, instanceId, cgroup);
    return { type: "idle" };
  }
  const reports = await node.children.list();
  const state = reports.find(({ child }) => child === instanceId)?.state;
  const exit = node.children.exitOf(instanceId);
  if (exit === undefined || state?.type !== "running" || process === null) {
    const oomKilled = cgroup.oomKills() > 0;
    await drain();
    await giveBack(node, instanceId, cgroup);
    const unknown: ChildExit = { status: { code: null, signal: null }, exitedAt: new Date().toISOString() };
    return { type: "ended", exit: exit === undefined ? unknown : await exit, oomKilled };
  }
  return {
    type: "running",
    started: await reconnect(node, { ...record, lifecycle, process }, folder, cgroup, exit, signal),
  };
}

async function giveBack(node: NodeServices, instanceId: string, cgroup: ContainerCgroup): Promise<void> {
  await node.networks.disconnect(instanceId);
  await node.volumes.detach(instanceId);
  await cgroup.remove();
}

type RunningRecord = InstanceRecord & {
  lifecycle: Extract<Lifecycle, { type: "running" }>;
  process: ProcessLaunch;
};

/** Everything that a start takes is the container's already: it is found, not made. */
async function reconnect(
  node: NodeServices,
  { assignment, idBase, lifecycle, process }: RunningRecord,
  folder: InstanceFolder,
  cgroup: ContainerCgroup,
  exit: Promise<ChildExit>,
  signal: AbortSignal,
): Promise<StartedContainer> {
  const { instanceId } = assignment;
  const { pid, startTime } = lifecycle;
  await node.volumes.attach(assignment, null, signal);
  const networks = await node.networks.connect(assignment, pid, signal);
  const secrets = { folder: folder.secrets, uid: idBase + process.uid, gid: idBase + process.gid };
  if (assignment.spec.networks.length > 0) await node.credentials.provide(assignment, secrets, signal);
  const logs = node.logs.capture(assignment, folder.stream("stdout"), folder.stream("stderr"), folder.logs);
  const resources = new AsyncDisposableStack();
  resources.defer(() => cgroup.remove());
  resources.defer(() => node.volumes.detach(instanceId));
  resources.defer(() => node.networks.disconnect(instanceId));
  resources.defer(() => node.credentials.withdraw(instanceId));
  resources.use(logs);
  const container = {
    instanceId,
    idBase,
    pid,
    startTime,
    cgroup,
    logs,
    stdin: null,
    networks,
    exit,
    process,
  };
  return { container, resources };
}
