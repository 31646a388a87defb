import { join } from "node:path";
import type { NetworkInfo } from "#contracts/api.ts";
import type { NetworkSpec } from "#contracts/project-spec.ts";
import type { PublishedPort } from "#contracts/service-spec.ts";
import type { Kernel } from "#kernel/kernel.ts";
import { NetlinkError } from "#kernel/netlink/netlink-error.ts";
import { RouteSocket } from "#kernel/netlink/route-socket.ts";
import { chooseSubnet, gatewayOf, leaseAddress, NETWORK_PREFIX_LENGTH } from "./address-plan.ts";
import { enableForwarding, ensureBridge } from "./bridge.ts";
import { DurableJson, readJson } from "./durable-json.ts";
import { plugIn, unplug } from "./endpoint-link.ts";
import { networkError } from "./errors.ts";
import { Firewall } from "./firewall.ts";
import { endpointElements, networkElements, publicationElement } from "./firewall-elements.ts";
import { bridgeName, hostInterfaceName, macFor } from "./interface-names.ts";
import { emptyState, type EndpointRecord, type NetworkRecord, NetworkState, type Publication } from "./network-state.ts";
import { type AddressPool, foreignRanges, settlePool } from "./pool.ts";
import { PublishedPorts } from "./published-ports.ts";
import { recoverNetworks, type RecoveryReport, type RunningInstance } from "./recovery.ts";
import { formatSubnet } from "./subnet.ts";

const STATE_FILE = "state.json";

export interface NetworksOptions {
  /** `<home>/networks` */
  directory: string;
  /** 8 hex digits of the home. */
  hash: string;
  kernel: Kernel;
  /** `a.b.0.0/16`, for a platform that has none yet. */
  pool?: string;
  signal: AbortSignal;
}

export interface AttachRequest {
  network: NetworkRecord;
  instanceId: string;
  instanceName: string;
  /** Further names the instance has on this network. */
  aliases: readonly string[];
  /** A process in the network namespace that gets the interface. */
  pid: number;
  /** `eth0` for the first network. */
  interfaceName: string;
  /** An address it must have; else its old one or any free one. */
  address?: string;
}

export type Endpoint = EndpointRecord;

/** Opens a node's networks as they were left: call `recover` before anything else once the running instances are known. */
export async function openNetworks(options: NetworksOptions): Promise<ProjectNetworks> {
  options.signal.throwIfAborted();
  const pool = await settlePool(options);
  const state = (await readJson(join(options.directory, STATE_FILE), NetworkState)) ?? emptyState();
  options.signal.throwIfAborted();
  return new ProjectNetworks(options, pool, state);
}

/**
 * The bridges, addresses and published ports of one node's containers. Kernel objects are changed synchronously, then the state
 * is written; a method that resolved has done both, one that threw has done neither. Disposal leaves the kernel as it is.
 */
export class ProjectNetworks implements Disposable {
  readonly pool: AddressPool;
  readonly #options: NetworksOptions;
  readonly #state: NetworkState;
  readonly #file: DurableJson;
  readonly #resources = new DisposableStack();
  readonly #routes: RouteSocket;
  readonly #firewall: Firewall;
  readonly #ports: PublishedPorts;

  constructor(options: NetworksOptions, pool: AddressPool, state: NetworkState) {
    this.pool = pool;
    this.#options = options;
    this.#state = state;
    this.#file = new DurableJson(join(options.directory, STATE_FILE), () => state);
    this.#routes = this.#resources.use(RouteSocket.open(options.kernel));
    this.#firewall = this.#resources.use(new Firewall(options.kernel, { hash: options.hash, ...pool }));
    this.#ports = this.#resources.use(new PublishedPorts(options.kernel));
    this.#firewall.ensureRuleset();
  }

  /** The network of a project, made when it is not there; one whose `internal` changed is made anew, unless it is in use. */
  async ensure(project: string, spec: NetworkSpec): Promise<NetworkRecord> {
    const name = `${project}_${spec.name}`;
    const found = this.#state.networks.find((network) => network.name === name);
    if (found !== undefined && found.internal === spec.internal) {
      this.#setUp(`setting up network ${name}`, () => ensureBridge(this.#routes, found));
      return found;
    }
    if (found !== undefined) await this.remove(project, spec.name);
    const record = this.#newRecord(project, spec);
    this.#state.networks.push(record);
    await this.#apply(
      `setting up network ${name}`,
      () => {
        enableForwarding();
        ensureBridge(this.#routes, record);
        this.#firewall.add(networkElements(record));
      },
      () => this.#dropNetwork(record),
    );
    return record;
  }

  /** Gives a container's network namespace an interface on a network, with its old address if it had one. */
  async attach(request: AttachRequest): Promise<Endpoint> {
    const network = this.#require(request.network.name);
    const { instanceId, address: wanted } = request;
    const old = this.#state.endpoints.find((endpoint) => isOf(endpoint, instanceId) && endpoint.network === network.name);
    if (old !== undefined) this.#dropEndpoint(old);
    const hadLease = this.#state.leases.some((lease) => isOf(lease, instanceId) && lease.network === network.name);
    const { address } = leaseAddress(this.#state, network, instanceId, wanted);
    const endpoint = this.#newEndpoint(request, network, address);
    this.#state.endpoints.push(endpoint);
    await this.#apply(
      `connecting ${endpoint.instanceName} to network ${network.name}`,
      () => {
        this.#firewall.add(endpointElements(endpoint));
        plugIn(this.#options.kernel, this.#routes, network.bridge, endpoint);
      },
      () => {
        this.#dropEndpoint(endpoint);
        if (!hadLease) this.#dropLeases(instanceId, network.name);
      },
    );
    return endpoint;
  }

  /** Takes an instance off all networks. Its addresses are kept; repeating it does nothing. */
  async detach(instanceId: string): Promise<void> {
    const endpoints = this.#state.endpoints.filter((endpoint) => isOf(endpoint, instanceId));
    if (endpoints.length === 0) return;
    for (const endpoint of endpoints) this.#dropEndpoint(endpoint);
    await this.#file.save();
  }

  /** Gives up the addresses kept for an instance that will not come back. */
  async releaseAddress(instanceId: string): Promise<void> {
    if (this.#dropLeases(instanceId)) await this.#file.save();
  }

  /**
   * Publishes ports of an attached instance on the host; returns them with the host ports they got. Asking again for what is
   * published returns what there is. `address` is the instance's on a network that is not internal.
   */
  async publish(instanceId: string, ports: readonly PublishedPort[], address: string): Promise<Publication[]> {
    this.#assertPublishable(instanceId, address, ports);
    const current = this.#state.publications.filter((publication) => isOf(publication, instanceId));
    if (current.length === ports.length && ports.every((port) => current.some((held) => isSame(held, port, address)))) {
      return current;
    }
    await this.unpublish(instanceId);
    const publications = await this.#ports.hold(instanceId, ports, address, this.#state.publications);
    this.#state.publications.push(...publications);
    await this.#apply(
      `publishing ports of instance ${instanceId}`,
      () => this.#firewall.add(publications.map(publicationElement)),
      () => this.#dropPublications(publications),
    );
    return publications;
  }

  async unpublish(instanceId: string): Promise<void> {
    const publications = this.#state.publications.filter((publication) => isOf(publication, instanceId));
    if (publications.length === 0) return;
    this.#dropPublications(publications);
    await this.#file.save();
  }

  /** SLIPWAY_NETWORK_IN_USE while an instance is attached; a network that is not there is nothing to do. */
  async remove(project: string, networkName: string): Promise<void> {
    const record = this.#state.networks.find((network) => network.name === `${project}_${networkName}`);
    if (record === undefined) return;
    const users = this.#state.endpoints.filter((endpoint) => endpoint.network === record.name);
    if (users.length > 0) {
      const names = users.map((endpoint) => endpoint.instanceName).join(", ");
      throw networkError("SLIPWAY_NETWORK_IN_USE", `network ${record.name} cannot be removed: ${names} are attached to it`);
    }
    this.#dropNetwork(record);
    await this.#file.save();
  }

  list(): NetworkInfo[] {
    return this.#state.networks.map(({ name, project, bridge, subnet, gateway, internal }) => ({
      name,
      project,
      bridge,
      subnet,
      gateway,
      internal,
      endpoints: this.endpoints(name).map(({ instanceName, address, aliases }) => ({
        instance: instanceName,
        ip: address,
        aliases,
      })),
    }));
  }

  networks(): readonly NetworkRecord[] {
    return this.#state.networks;
  }

  /** The endpoints of a network, or of all. */
  endpoints(networkName?: string): readonly Endpoint[] {
    return this.#state.endpoints.filter((endpoint) => networkName === undefined || endpoint.network === networkName);
  }

  publications(): readonly Publication[] {
    return this.#state.publications;
  }

  /**
   * After a restart: makes kernel and state agree with the instances that run. What is right is not touched, what is missing is
   * made, what belongs to nobody is removed. With `assigned`, addresses of instances not among them are given up.
   */
  async recover(running: readonly RunningInstance[], assigned?: Iterable<string>): Promise<RecoveryReport> {
    const report = await recoverNetworks({
      ...this.#options,
      state: this.#state,
      routes: this.#routes,
      firewall: this.#firewall,
      ports: this.#ports,
      running,
      assigned: assigned === undefined ? undefined : new Set(assigned),
    });
    await this.#file.save();
    return report;
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }

  #newRecord(project: string, spec: NetworkSpec): NetworkRecord {
    const { kernel, hash } = this.#options;
    const subnet = chooseSubnet(this.pool, this.#state.networks, foreignRanges(kernel, hash));
    const gateway = gatewayOf(subnet);
    return {
      name: `${project}_${spec.name}`,
      project,
      network: spec.name,
      bridge: bridgeName(hash, gateway),
      subnet: formatSubnet(subnet),
      gateway,
      internal: spec.internal,
    };
  }

  #newEndpoint(request: AttachRequest, network: NetworkRecord, address: string): EndpointRecord {
    const { instanceId, instanceName, aliases, pid, interfaceName } = request;
    const hasWayOut = this.#state.endpoints.some((endpoint) => isOf(endpoint, instanceId) && endpoint.defaultRoute);
    return {
      network: network.name,
      instanceId,
      instanceName,
      aliases: [...aliases],
      pid,
      interfaceName,
      address,
      prefixLength: NETWORK_PREFIX_LENGTH,
      gateway: network.gateway,
      mac: macFor(address),
      hostInterface: hostInterfaceName(this.#options.hash, address),
      defaultRoute: !network.internal && !hasWayOut,
    };
  }

  #require(name: string): NetworkRecord {
    const record = this.#state.networks.find((network) => network.name === name);
    if (record !== undefined) return record;
    const known = this.#state.networks.map((network) => network.name).join(", ") || "none";
    throw networkError("SLIPWAY_NETWORK_NOT_FOUND", `there is no network ${name} on this node; there are: ${known}`);
  }

  #assertPublishable(instanceId: string, address: string, ports: readonly PublishedPort[]): void {
    const endpoint = this.#state.endpoints.find((entry) => isOf(entry, instanceId) && entry.address === address);
    const network = this.#state.networks.find((entry) => entry.name === endpoint?.network);
    if (network !== undefined && !network.internal) return;
    const named = ports.map((port) => port.containerPort).join(", ");
    const reason = network === undefined ? `it has no address ${address}` : `${network.name} is internal`;
    throw networkError("SLIPWAY_NETWORK_NOT_PUBLISHABLE", `instance ${instanceId} cannot publish port ${named}: ${reason}`);
  }

  /** Changes the kernel and saves the state; takes both back when either fails. */
  async #apply(what: string, change: () => void, undo: () => void): Promise<void> {
    try {
      this.#setUp(what, change);
      await this.#file.save();
    } catch (error) {
      try {
        undo();
      } catch (cleanupError) {
        throw new AggregateError([error, cleanupError], `${what} failed, and so did taking it back`);
      }
      throw error;
    }
  }

  #setUp(what: string, change: () => void): void {
    try {
      change();
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      throw networkError("SLIPWAY_NETWORK_SETUP_FAILED", `${what} failed: ${error.message}`, { cause: error });
    }
  }

  #dropNetwork(record: NetworkRecord): void {
    removeFrom(this.#state.networks, record);
    for (const lease of this.#state.leases.filter((entry) => entry.network === record.name))
      removeFrom(this.#state.leases, lease);
    this.#routes.deleteLink(record.bridge);
    this.#firewall.remove(networkElements(record));
  }

  #dropEndpoint(endpoint: EndpointRecord): void {
    removeFrom(this.#state.endpoints, endpoint);
    unplug(this.#routes, endpoint);
    this.#firewall.remove(endpointElements(endpoint));
  }

  #dropPublications(publications: readonly Publication[]): void {
    for (const publication of publications) removeFrom(this.#state.publications, publication);
    this.#firewall.remove(publications.map(publicationElement));
    this.#ports.release(publications);
  }

  #dropLeases(instanceId: string, network?: string): boolean {
    const dropped = this.#state.leases.filter(
      (lease) => isOf(lease, instanceId) && (network === undefined || lease.network === network),
    );
    for (const lease of dropped) removeFrom(this.#state.leases, lease);
    return dropped.length > 0;
  }
}

const isOf = (entry: { instanceId: string }, instanceId: string): boolean => entry.instanceId === instanceId;

function isSame(held: Publication, port: PublishedPort, address: string): boolean {
  return (
    held.address === address &&
    held.hostIp === port.hostIp &&
    held.requestedPort === port.hostPort &&
    held.protocol === port.protocol &&
    held.containerPort === port.containerPort
  );
}

function removeFrom<Entry>(list: Entry[], entry: Entry): void {
  const index = list.indexOf(entry);
  if (index >= 0) list.splice(index, 1);
}
