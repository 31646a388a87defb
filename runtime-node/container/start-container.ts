import { chown, mkdir } from "node:fs/promises";
import type { Assignment } from "#contracts/instance.ts";
import { stacksDetachedLayers } from "#kernel/detached-layers.ts";
import { ContainerCgroup } from "../cgroup/container-cgroup.ts";
import { DEFAULT_PIDS } from "../cgroup/limits.ts";
import { deviceRules } from "../cgroup/device-rules.ts";
import type { ContainerLaunch, LaunchMount, ProcessLaunch, StdioPaths } from "../launch/container-launch.ts";
import { ContainerFiles } from "./container-files.ts";
import { createDeviceNodes } from "./device-nodes.ts";
import { containerIdMap } from "./id-map.ts";
import { inStage } from "./instance-trace.ts";
import { initSource } from "./init-source.ts";
import type { InstanceFolder } from "./instance-record.ts";
import type { NodeServices, RootImage } from "./node-services.ts";
import { launchParked } from "./launch-parked.ts";
import { OPEN_FILES } from "./open-files.ts";
import { buildProcess } from "./build-process.ts";
import type { RunningContainer } from "./running-container.ts";
import { secretsMount } from "./secrets.ts";
import { serviceMounts } from "./service-mounts.ts";
import { createStreams } from "./standard-streams.ts";

export interface StartRequest {
  assignment: Assignment;
  folder: InstanceFolder;
  idBase: number;
  image: RootImage;
  /** None of its instance has come so far that its volumes were filled. */
  firstLaunch: boolean;
  /** Gets its output from the first byte. */
  onOutput: (stream: "stdout" | "stderr", chunk: Uint8Array) => Promise<void>;
  /** The process waits, with all that it will have; it is let go when this resolves. */
  onParked: (parked: ParkedContainer) => Promise<void>;
}

/** A container whose process is yet to execute its command. */
export type ParkedContainer = Pick<RunningContainer, "pid" | "startTime" | "networks" | "process">;

/** What was started, and what gives it back when it has ended. */
export interface StartedContainer {
  container: RunningContainer;
  /** Everything a start took, in the order to release it. */
  resources: AsyncDisposableStack;
}

/**
 * Starts a container: streams, files, cgroup, volumes and mounts, then the launch up to where the child waits, its network, its logs,
 * and the release. Whatever a failed start took is given back before it throws.
 */
export async function startContainer(
  node: NodeServices,
  request: StartRequest,
  signal: AbortSignal,
): Promise<StartedContainer> {
  const { assignment, folder, idBase, image, firstLaunch } = request;
  const { instanceId, spec } = assignment;
  await using acquired = new AsyncDisposableStack();
  const process = buildProcess(node, request);
  const hostname = spec.hostname ?? instanceId;
  const files = new ContainerFiles(folder.files, idBase);
  await prepareFolder(folder, idBase);
  files.create(hostname);
  const stdio = stdioOf(assignment, folder);
  createStreams(node.kernel, stdio, { uid: idBase + process.uid, gid: idBase + process.gid });
  const secrets = await provideSecrets(node, request, process, signal, acquired);

  const cgroup = new ContainerCgroup(node.cgroups, node.home.hash, instanceId);
  cgroup.create({ pids: DEFAULT_PIDS, ...spec.limits });
  acquired.defer(() => cgroup.remove());
  const devices = spec.devices ?? [];
  cgroup.restrictDevices(node.kernel, deviceRules(devices));
  acquired.defer(() => node.volumes.detach(instanceId));
  const filling = { image, firstLaunch };
  const volumes = await inStage("attach volumes", () => node.volumes.attach(assignment, filling, signal));
  const mounts = [
    ...image.mounts,
    ...files.mounts(),
    ...secrets,
    ...volumes,
    ...(await serviceMounts(spec.mounts, idBase, node.exposed)),
    ...createDeviceNodes(node.kernel, folder.devices, devices, idBase),
  ];

  const launch: ContainerLaunch = {
    instanceId,
    runFolder: node.home.run,
    idMap: containerIdMap(idBase),
    root: {
      layers: [await node.images.mountPoints(), ...image.layers],
      detached: stacksDetachedLayers(node.kernel, node.home.run),
      upper: folder.upper,
      work: folder.work,
      readOnly: spec.readOnly,
    },
    mounts: withoutDuplicates(mounts),
    hostname,
    process,
    stdio,
    cgroup: cgroup.membership,
    init: spec.init ? await initSource(node.home.home) : null,
    openFiles: OPEN_FILES,
    oomScoreAdj: spec.oomScoreAdj ?? 0,
  };
  const { networks, logs, running, exit, stdin } = await launchParked(node, request, launch, files, signal, acquired);
  const container: RunningContainer = {
    instanceId,
    idBase,
    pid: running.pid,
    startTime: running.startTime,
    cgroup,
    logs,
    stdin,
    networks,
    exit,
    process,
  };
  return { container, resources: acquired.move() };
}

/** The upper directory belongs to the container's root; the work directory is overlayfs's own. It lives as long as the instance. */
async function prepareFolder(folder: InstanceFolder, idBase: number): Promise<void> {
  const upper = mkdir(folder.upper, { recursive: true, mode: 0o755 }).then(() => chown(folder.upper, idBase, idBase));
  const others = [folder.work, folder.logs].map((path) => mkdir(path, { recursive: true, mode: 0o700 }));
  await Promise.all([upper, ...others]);
}

function stdioOf({ attached }: Assignment, folder: InstanceFolder): StdioPaths {
  const interactive = attached?.interactive === true;
  return {
    stdin: interactive ? folder.stream("stdin") : null,
    stdout: folder.stream("stdout"),
    stderr: folder.stream("stderr"),
  };
}

async function provideSecrets(
  node: NodeServices,
  { assignment, folder, idBase }: StartRequest,
  { uid, gid }: ProcessLaunch,
  signal: AbortSignal,
  acquired: AsyncDisposableStack,
): Promise<LaunchMount[]> {
  if (assignment.spec.networks.length === 0) return [];
  const mount = secretsMount(folder.secrets, idBase);
  const owner = { folder: folder.secrets, uid: idBase + uid, gid: idBase + gid };
  await inStage("provide credentials", () => node.credentials.provide(assignment, owner, signal));
  acquired.defer(() => node.credentials.withdraw(assignment.instanceId));
  return [mount];
}

/** The last mount of a target wins: the service's own over ours and the image's. */
function withoutDuplicates(mounts: readonly LaunchMount[]): LaunchMount[] {
  return [...new Map(mounts.map((mount) => [mount.target, mount])).values()];
}
