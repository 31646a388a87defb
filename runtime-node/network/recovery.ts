import { type SlipwayError, toSlipwayError } from "#contracts/slipway-error.ts";
import { enableForwarding, ensureBridge } from "./bridge.ts";
import { plugIn } from "./endpoint-link.ts";
import { endpointElements, networkElements, publicationElement } from "./firewall-elements.ts";
import { interfacePrefix, platformInterfaceName } from "./interface-names.ts";
import type { NetworkContext } from "./network-context.ts";
import { takeOut } from "./network-state.ts";
import { passOtherFirewalls } from "./upkeep.ts";

export interface RunningInstance {
  instanceId: string;
  /** A process in its network namespace. */
  pid: number;
}

/** What recovery found other than it should be, and set right. */
export interface RecoveryReport {
  /** Links of ours that belonged to nobody. */
  removedLinks: string[];
  /** Bridges that were missing or not set up. */
  mendedBridges: string[];
  /** `<instance>@<network>` of running instances whose interface was missing or off its bridge. */
  mendedEndpoints: string[];
  firewall: "kept" | "changed" | "made";
  /** What could not be set right: a port that a process took while nobody held it, a container that ended meanwhile. */
  problems: SlipwayError[];
}

/** Makes kernel objects and state agree with the instances that run; see `ProjectNetworks.recover`. */
export async function recoverNetworks(
  context: NetworkContext,
  running: readonly RunningInstance[],
  assigned: ReadonlySet<string> | undefined,
): Promise<RecoveryReport> {
  const { state, firewall } = context;
  const report: RecoveryReport = {
    removedLinks: [],
    mendedBridges: [],
    mendedEndpoints: [],
    firewall: "kept",
    problems: [],
  };
  forgetWhatEnded(context, running, assigned);
  if (state.networks.length > 0) enableForwarding();
  removeOrphans(context, report);
  // The rules come before the links: no interface is up without its guard.
  report.firewall = firewall.reset([
    ...state.networks.flatMap(networkElements),
    ...state.endpoints.flatMap(endpointElements),
    ...state.publications.map(publicationElement),
  ]);
  for (const network of state.networks) {
    if (ensureBridge(context.routes, network) !== "kept") report.mendedBridges.push(network.bridge);
  }
  passOtherFirewalls(context);
  mendEndpoints(context, report);
  await holdPorts(context, report);
  return report;
}

function forgetWhatEnded(
  { state }: NetworkContext,
  running: readonly RunningInstance[],
  assigned: ReadonlySet<string> | undefined,
): void {
  const pids = new Map(running.map(({ instanceId, pid }) => [instanceId, pid]));
  for (const endpoint of state.endpoints) {
    const pid = pids.get(endpoint.instanceId);
    if (pid !== undefined) endpoint.pid = pid;
  }
  takeOut(state.endpoints, (endpoint) => !pids.has(endpoint.instanceId));
  takeOut(state.publications, (publication) => !pids.has(publication.instanceId));
  if (assigned === undefined) return;
  takeOut(state.leases, (lease) => !assigned.has(lease.instanceId) && !pids.has(lease.instanceId));
}

function removeOrphans({ hash, state, routes }: NetworkContext, report: RecoveryReport): void {
  const ours = new Set([
    platformInterfaceName(hash),
    ...state.networks.map((network) => network.bridge),
    ...state.endpoints.map((endpoint) => endpoint.hostInterface),
  ]);
  for (const { name } of routes.listLinks()) {
    if (!name.startsWith(interfacePrefix(hash)) || ours.has(name)) continue;
    if (routes.deleteLink(name)) report.removedLinks.push(name);
  }
}

function mendEndpoints({ kernel, state, routes }: NetworkContext, report: RecoveryReport): void {
  for (const endpoint of state.endpoints) {
    try {
      const link = routes.findLink(endpoint.hostInterface);
      const bridge = routes.requireLink(endpoint.bridge).index;
      if (link === undefined) plugIn(kernel, routes, endpoint);
      else if (link.master !== bridge || !link.up) routes.setLink(link.index, { master: bridge, up: true });
      else continue;
      report.mendedEndpoints.push(`${endpoint.instanceName}@${endpoint.network}`);
    } catch (error) {
      report.problems.push(toSlipwayError(error));
    }
  }
}

async function holdPorts({ state, ports }: NetworkContext, report: RecoveryReport): Promise<void> {
  for (const publication of state.publications.filter((entry) => !ports.has(entry))) {
    await ports.hold(publication.instanceId, [publication]).catch((error: unknown) => {
      report.problems.push(toSlipwayError(error));
    });
  }
}
