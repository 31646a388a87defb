import { ContainerCgroup } from "../cgroup/container-cgroup.ts";
import type { ChildExit } from "../launch/children.ts";
import type { InstanceFolder, InstanceRecord } from "./instance-record.ts";
import type { NodeServices } from "./node-services.ts";
import type { StartedContainer } from "./start-container.ts";

export type RecoveredContainer =
  | { type: "running"; started: StartedContainer }
  | { type: "ended"; exit: ChildExit; oomKilled: boolean };

/**
 * Beside `startContainer`: takes over a container that a former agent started. One that ended meanwhile is given back what it
 * took, and its exit is told once; one that the supervisor never heard of (the machine was rebooted) has ended with an unknown
 * code.
 */
export async function recoverContainer(
  node: NodeServices,
  record: InstanceRecord,
  folder: InstanceFolder,
  signal: AbortSignal,
): Promise<RecoveredContainer> {
  const { assignment, idBase, lifecycle, process } = record;
  const { instanceId } = assignment;
  const cgroup = new ContainerCgroup(node.cgroups, node.home.hash, instanceId);
  const reports = await node.children.list();
  const state = reports.find(({ child }) => child === instanceId)?.state;
  const exit = node.children.exitOf(instanceId);
  if (lifecycle.type !== "running" || exit === undefined || state?.type !== "running" || process === null) {
    const oomKilled = cgroup.oomKills() > 0;
    await node.networks.disconnect(instanceId);
    await node.volumes.detach(instanceId);
    await cgroup.remove();
    const unknown: ChildExit = { status: { code: null, signal: null }, exitedAt: new Date().toISOString() };
    return { type: "ended", exit: exit === undefined ? unknown : await exit, oomKilled };
  }
  await using acquired = new AsyncDisposableStack();
  acquired.defer(() => cgroup.remove());
  await node.volumes.attach(assignment, null, signal);
  acquired.defer(() => node.volumes.detach(instanceId));
  const networks = await node.networks.connect(assignment, lifecycle.pid, signal);
  acquired.defer(() => node.networks.disconnect(instanceId));
  const logs = acquired.use(node.logs.capture(assignment, folder.stream("stdout"), folder.stream("stderr"), folder.logs));
  const secrets = { folder: folder.secrets, uid: idBase + process.uid, gid: idBase + process.gid };
  if (assignment.spec.networks.length > 0) await node.credentials.provide(assignment, secrets, signal);
  acquired.defer(() => node.credentials.withdraw(instanceId));
  const container = {
    instanceId,
    idBase,
    pid: lifecycle.pid,
    startTime: lifecycle.startTime,
    cgroup,
    logs,
    stdin: null,
    networks,
    exit,
    process,
  };
  return { type: "running", started: { container, resources: acquired.move() } };
}
