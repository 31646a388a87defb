import { join } from "node:path";
import type { HomeLayout } from "#contracts/home.ts";
import { IdmapProbe } from "#kernel/idmap-probe.ts";
import type { Kernel } from "#kernel/kernel.ts";
import { TmpfsMounts } from "#kernel/mount-tmpfs.ts";
import { UserNamespaces } from "#kernel/user-namespaces.ts";
import { connectPlatform } from "#messaging/connect.ts";
import { StoreGuard } from "#messaging/nats-server/store-guard.ts";
import type { Platform } from "#messaging/platform.ts";
import { sendSpans } from "#messaging/send-spans.ts";
import { LocalDriver } from "#storage-driver/local-driver.ts";
import { TmpfsDriver } from "#storage-driver/tmpfs-driver.ts";
import { VolumeStore } from "#storage-driver/volume-store.ts";
import type { Telemetry } from "#telemetry/start.ts";
import { removeCgroupParents } from "../cgroup/container-cgroup.ts";
import { findCgroupHierarchies } from "../cgroup/hierarchy.ts";
import { ExposedDirectories } from "../container/exposed-directories.ts";
import { InstanceFolder, type InstanceRecord } from "../container/instance-record.ts";
import type { NodeServices } from "../container/node-services.ts";
import { openImageStore } from "../image/image-store.ts";
import { Children } from "../launch/children.ts";
import { KeptFds } from "../launch/kept-fds.ts";
import { openNetworks } from "../network/project-networks.ts";
import { EventOutbox } from "./event-outbox.ts";
import { NodeCredentials } from "./instance-credentials.ts";
import { KeptDnsSockets } from "./kept-dns-sockets.ts";
import { NodeAgent, readRecords } from "./node-agent.ts";
import { NodeImages } from "./node-images.ts";
import { NodeLogs } from "./node-logs.ts";
import { NodeNetworks } from "./node-networks.ts";
import { NodeVolumes } from "./node-volumes.ts";
import { ObservedReporter } from "./observed-reporter.ts";
import { attachOperation } from "./operations/attach.ts";
import { doctorOperation } from "./operations/doctor.ts";
import { execOperation } from "./operations/exec.ts";
import { imageOperations } from "./operations/images.ts";
import { instanceOperations } from "./operations/instances.ts";
import { logsOperation } from "./operations/logs.ts";
import { resourceOperations } from "./operations/resources.ts";
import { serveOperations } from "./operations/serve-operations.ts";
import type { AgentSettings } from "./settings.ts";
import { settleLaunches } from "./settle-launches.ts";
import { endStrays } from "./strays.ts";

const RESYNC_MS = 30_000;

/** An opened node: `serve` follows the control plane until the agent is asked to end. */
export interface OpenNode extends AsyncDisposable {
  serve(onReady: () => void): Promise<void>;
}

export interface NodeParts {
  kernel: Kernel;
  home: HomeLayout;
  settings: AgentSettings;
  telemetry: Pick<Telemetry, "shipTo">;
  ending: AbortController;
}

/**
 * Opens the stores and connections of a node and recovers its instances: those go on whether NATS is there or not. Disposal leaves containers
 * running.
 */
export async function openNode({ kernel, home, settings, telemetry, ending }: NodeParts): Promise<OpenNode> {
  const { signal } = ending;
  await using acquired = new AsyncDisposableStack();
  const opened: { agent?: NodeAgent } = {};
  const children = acquired.use(
    await Children.connect({
      kernel,
      path: home.supervisorSocket,
      supervisorPid: settings.supervisorPid,
      // What is desired stays: the next start of the server starts them again.
      stopContainers: () => void opened.agent?.stopAll(),
    }),
  );
  const events = acquired.use(new EventOutbox(settings.node));
  const reporter = acquired.use(new ObservedReporter(settings.node));
  const store = acquired.use(new StoreGuard({ home, log: console.error }));
  const platform = connectPlatform({
    url: settings.natsUrl,
    credsFile: settings.natsCreds,
    name: `agent ${settings.node}`,
    signal,
    onStoreStuck: store.stuck,
  });
  platform.catch(() => {});
  acquired.defer(async () => (await platform.catch(() => undefined))?.[Symbol.asyncDispose]());

  const idmaps = new IdmapProbe(kernel, acquired.use(new UserNamespaces(kernel)));
  const usesImage = (digest: string): boolean => opened.agent?.usesImage(digest) ?? false;
  const images = acquired.use(await openImageStore({ directory: home.images, kernel, inUse: usesImage }));
  const canIdmap = (path: string): Promise<boolean> => idmaps.canIdmapPath(path);
  const volumes = await VolumeStore.open({
    root: home.volumes,
    drivers: [new LocalDriver({ root: home.volumes, canIdmap }), new TmpfsDriver(new TmpfsMounts(kernel, idmaps))],
  });
  const networks = await openNetworks({ directory: home.networks, runFolder: home.run, hash: home.hash, kernel, signal });
  const keptFds = await KeptFds.open(kernel, children.fds);
  const dnsSockets = new KeptDnsSockets(kernel, keptFds);
  const nodeNetworks = acquired.use(new NodeNetworks({ kernel, networks, events, dnsSockets }));
  const cgroups = findCgroupHierarchies(settings.cgroupParent);
  const services: NodeServices = {
    node: settings.node,
    home,
    kernel,
    children,
    cgroups,
    exposed: ExposedDirectories.open(join(home.home, "exposed-directories.json")),
    images: new NodeImages(images, home.images, idmaps),
    networks: nodeNetworks,
    volumes: new NodeVolumes(volumes, kernel, home.run, events, signal),
    credentials: acquired.use(new NodeCredentials(settings.node, settings.natsUrl, platform)),
    logs: new NodeLogs({ kernel, events, fds: keptFds, signal }),
    events,
  };
  const held = new NodeAgent(services, reporter);
  opened.agent = held;
  const records = await readRecords(services);
  settleLaunches(records, await children.list());
  await endStrays(children, records);
  await recoverNetworks(services, nodeNetworks, records);
  const assigned = new Set(records.map(({ assignment }) => assignment.instanceId));
  await volumes.retainLeases(assigned, signal);
  await held.recover(records);
  await keptFds.dropUnclaimed();
  acquired.defer(async () => {
    await held.leave();
    removeCgroupParents(cgroups, home.hash);
  });

  const serve = async (onReady: () => void): Promise<void> => {
    const connected = await untilAborted(platform, signal);
    if (connected === undefined) return;
    events.open(connected.events);
    reporter.open(connected);
    events.append({ type: "node.started", subject: settings.node });
    await using shipping = telemetry.shipTo((batch, limit) => sendSpans(connected, batch, limit));
    void shipping;
    await using operations = serveOperations(connected, settings.node, {
      attach: attachOperation(held),
      exec: execOperation(held, services),
      logs: logsOperation(held),
      ...instanceOperations(held),
      ...imageOperations(images, events),
      ...resourceOperations(volumes, networks, events),
      doctor: doctorOperation(services, canIdmap, join(home.home)),
    });
    void operations;
    const resyncing = keepInSync(connected, reporter, signal);
    onReady();
    await held.follow(connected, signal);
    await resyncing;
  };
  const owned = acquired.move();
  return { serve, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** What runs under the supervisor and has a record keeps its interfaces; what has neither loses them. */
async function recoverNetworks(
  { children, home }: NodeServices,
  networks: NodeNetworks,
  records: readonly InstanceRecord[],
): Promise<void> {
  const running = (await children.list()).flatMap(({ child: instanceId, state }) => {
    if (state.type !== "running" || instanceId.includes(".")) return [];
    const health = new InstanceFolder(home, instanceId).readHealth(state.startTime);
    return [{ instanceId, pid: state.pid, healthy: health === "healthy" || health === "none" }];
  });
  await networks.recover(
    running,
    records.map(({ assignment }) => assignment),
  );
}

/** The observed bucket is told everything again when nats-server came back, and every half minute. */
async function keepInSync(platform: Platform, reporter: ObservedReporter, signal: AbortSignal): Promise<void> {
  const resync = (): void => void reporter.resync().catch((error: unknown) => console.error("resync:", error));
  resync();
  const timer = setInterval(resync, RESYNC_MS);
  try {
    for await (const { type } of platform.status(signal)) if (type === "reconnected") resync();
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    clearInterval(timer);
  }
}

async function untilAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value | undefined> {
  if (signal.aborted) return undefined;
  const aborted = new Promise<undefined>((resolve) => {
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
  return Promise.race([promise, aborted]);
}
