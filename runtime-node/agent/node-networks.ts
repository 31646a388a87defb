import { type Assignment, RUN_PROJECT } from "#contracts/instance.ts";
import type { Kernel } from "#kernel/kernel.ts";
import type { ConnectedNetworks, InstanceNetworks } from "../container/node-services.ts";
import type { EventOutbox } from "./event-outbox.ts";
import { createDnsServer, type DnsServer } from "../dns/dns-server.ts";
import { resolvConfUpstreams } from "../dns/resolv-conf.ts";
import { NameTable, type NetworkEndpoint } from "../dns/name-table.ts";
import type { Endpoint, ProjectNetworks } from "../network/project-networks.ts";
import type { NetworkRecord } from "../network/network-state.ts";
import type { KeptDnsSockets } from "./kept-dns-sockets.ts";
import { QueryFloods } from "./query-floods.ts";

/** So long the network of `slipway run` stays for the next one: to make it takes longer than to start a container in it. */
const RUN_LINGER_MS = 10_000;

/** A container that runs when this agent starts. */
export interface RunningInstance {
  instanceId: string;
  pid: number;
  /** As the former agent last knew it. */
  healthy: boolean;
}

export interface NodeNetworksOptions {
  kernel: Kernel;
  networks: ProjectNetworks;
  events: EventOutbox;
  dnsSockets: KeptDnsSockets;
}

/**
 * What an instance's networks are made of: bridges and addresses, the names on them, a DNS server on each bridge's gateway. A
 * network is there while an assignment of this node names it, that of `run` for some seconds more.
 */
export class NodeNetworks implements InstanceNetworks, AsyncDisposable {
  readonly #kernel: Kernel;
  readonly #networks: ProjectNetworks;
  readonly #events: EventOutbox;
  readonly #dnsSockets: KeptDnsSockets;
  readonly #names = new NameTable();
  readonly #floods: QueryFloods;
  readonly #dns = new Map<string, Promise<DnsServer>>();
  /** The endpoints that names lead to, by instance. */
  readonly #endpoints = new Map<string, NetworkEndpoint[]>();
  /** Instances that use a network, by its name. */
  readonly #users = new Map<string, Set<string>>();
  readonly #lingering = new Map<string, NodeJS.Timeout>();

  constructor({ kernel, networks, events, dnsSockets }: NodeNetworksOptions) {
    this.#kernel = kernel;
    this.#networks = networks;
    this.#events = events;
    this.#floods = new QueryFloods(events);
    this.#dnsSockets = dnsSockets;
  }

  async connect(assignment: Assignment, pid: number, signal: AbortSignal): Promise<ConnectedNetworks> {
    const { instanceId, name: instanceName, spec } = assignment;
    const connected: ConnectedNetworks = { addresses: {}, ports: [], nameServers: [] };
    const endpoints: NetworkEndpoint[] = [];
    const internalServers: string[] = [];
    let publishable: string | undefined;
    for (const [index, { name, aliases }] of spec.networks.entries()) {
      signal.throwIfAborted();
      const network = await this.#ensure(assignment, name);
      const interfaceName = `eth${index}`;
      const endpoint =
        this.#attachedAlready(network, instanceId, pid) ??
        (await this.#networks.attach({ network, instanceId, instanceName, aliases, pid, interfaceName }));
      await this.#serveNames(network);
      connected.addresses[name] = endpoint.address;
      if (network.internal) internalServers.push(network.gateway);
      else connected.nameServers.push(network.gateway);
      if (!network.internal) publishable ??= endpoint.address;
      // A service's name leads to it only when it is known to be well.
      const healthy = this.#endpoints.get(instanceId)?.some((known) => known.network === network.name && known.healthy);
      endpoints.push(namedEndpoint(assignment, network.name, aliases, endpoint.address, healthy === true));
    }
    // Last, since they know no name of the world, and a resolver believes the first that answers.
    connected.nameServers.push(...internalServers);
    if (spec.ports.length > 0) {
      // Without a network that has a way out, `publish` says why it cannot be.
      const address = publishable ?? Object.values(connected.addresses)[0] ?? "";
      const published = await this.#networks.publish(instanceId, spec.ports, address);
      connected.ports = published.map(({ hostIp, hostPort, containerPort, protocol }) => ({
        hostIp,
        hostPort,
        containerPort,
        protocol,
      }));
    }
    for (const endpoint of endpoints) this.#names.add(endpoint);
    this.#endpoints.set(instanceId, endpoints);
    return connected;
  }

  async disconnect(instanceId: string): Promise<void> {
    for (const { network } of this.#endpoints.get(instanceId) ?? []) this.#names.remove(network, instanceId);
    this.#endpoints.delete(instanceId);
    this.#floods.forget(instanceId);
    await this.#networks.unpublish(instanceId);
    await this.#networks.detach(instanceId);
  }

  async release(assignment: Assignment): Promise<void> {
    const { instanceId, project, networks } = assignment;
    await this.disconnect(instanceId);
    await this.#networks.releaseAddress(instanceId);
    for (const name of Object.keys(networks)) await this.#leave(`${project}_${name}`, project, name, instanceId);
  }

  setHealthy(instanceId: string, healthy: boolean): void {
    for (const endpoint of this.#endpoints.get(instanceId) ?? []) this.#names.add({ ...endpoint, healthy });
  }

  /** After a restart of the agent: what belongs to nobody goes, what belongs to these instances stays. */
  async recover(running: RunningInstance[], assignments: readonly Assignment[]): Promise<void> {
    for (const assignment of assignments) {
      for (const { name } of assignment.spec.networks) this.#use(`${assignment.project}_${name}`, assignment.instanceId);
    }
    const report = await this.#networks.recover(
      running,
      assignments.map(({ instanceId }) => instanceId),
    );
    for (const problem of report.problems) console.error("network recovery:", problem.message);
    // Before the first query is read: those that came while there was no agent are to be answered as ever.
    for (const instance of running) this.#knowNames(instance, assignments);
    for (const network of this.#networks.networks().slice()) {
      if ((this.#users.get(network.name)?.size ?? 0) > 0) await this.#serveNames(network);
      else await this.#drop(network.project, network.network);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#lingering.values()) clearTimeout(timer);
    const servers = await Promise.allSettled(this.#dns.values());
    for (const server of servers) if (server.status === "fulfilled") await server.value[Symbol.asyncDispose]();
    await this.#networks[Symbol.asyncDispose]();
  }

  #knowNames({ instanceId, healthy }: RunningInstance, assignments: readonly Assignment[]): void {
    const assignment = assignments.find((candidate) => candidate.instanceId === instanceId);
    if (assignment === undefined) return;
    const endpoints = assignment.spec.networks.flatMap(({ name, aliases }) => {
      const network = `${assignment.project}_${name}`;
      const endpoint = this.#networks.endpoints(network).find((candidate) => candidate.instanceId === instanceId);
      return endpoint === undefined ? [] : [namedEndpoint(assignment, network, aliases, endpoint.address, healthy)];
    });
    for (const endpoint of endpoints) this.#names.add(endpoint);
    this.#endpoints.set(instanceId, endpoints);
  }

  async #ensure({ project, instanceId, networks }: Assignment, name: string): Promise<NetworkRecord> {
    const spec = networks[name] ?? { name, internal: false, labels: {} };
    const isNew = !this.#networks.networks().some((network) => network.name === `${project}_${name}`);
    this.#use(`${project}_${name}`, instanceId);
    const network = await this.#networks.ensure(project, spec);
    if (isNew)
      this.#events.append({
        type: "network.created",
        subject: `${project}/${name}`,
        project,
        data: { subnet: network.subnet },
      });
    return network;
  }

  /** A container that a former agent wired is not disturbed. */
  #attachedAlready(network: NetworkRecord, instanceId: string, pid: number): Endpoint | undefined {
    return this.#networks
      .endpoints(network.name)
      .find((endpoint) => endpoint.instanceId === instanceId && endpoint.pid === pid);
  }

  #use(network: string, instanceId: string): void {
    const users = this.#users.get(network) ?? new Set();
    this.#users.set(network, users.add(instanceId));
  }

  async #leave(network: string, project: string, name: string, instanceId: string): Promise<void> {
    const users = this.#users.get(network);
    users?.delete(instanceId);
    if (users !== undefined && users.size > 0) return;
    if (project === RUN_PROJECT) this.#dropLater(network, project, name);
    else await this.#drop(project, name);
  }

  /** Nobody takes the project of `run` down, and everybody's next `run` is in it. */
  #dropLater(network: string, project: string, name: string): void {
    clearTimeout(this.#lingering.get(network));
    const drop = (): void => {
      this.#lingering.delete(network);
      if ((this.#users.get(network)?.size ?? 0) > 0) return;
      this.#drop(project, name).catch((error: unknown) => console.error(`network ${network} is not removed:`, error));
    };
    this.#lingering.set(network, setTimeout(drop, RUN_LINGER_MS));
  }

  async #drop(project: string, name: string): Promise<void> {
    const network = `${project}_${name}`;
    if (!this.#networks.networks().some((record) => record.name === network)) return;
    const server = await this.#dns.get(network)?.catch(() => undefined);
    this.#dns.delete(network);
    this.#users.delete(network);
    await server?.[Symbol.asyncDispose]();
    await this.#dnsSockets.drop(network);
    await this.#networks.remove(project, name);
    this.#events.append({ type: "network.removed", subject: `${project}/${name}`, project });
  }

  async #serveNames(network: NetworkRecord): Promise<void> {
    const { name } = network;
    const serving = this.#dns.get(name) ?? this.#openServer(network);
    this.#dns.set(name, serving);
    await serving.catch((error: unknown) => {
      this.#dns.delete(name);
      throw error;
    });
  }

  #flooded(network: string, address: string): void {
    const endpoint = this.#names.endpointAt(network, address);
    if (endpoint !== undefined) this.#floods.turnedAway(endpoint);
  }

  async #openServer({ name, gateway, internal }: NetworkRecord): Promise<DnsServer> {
    const sockets = await this.#dnsSockets.take(name, gateway);
    const server = await createDnsServer({
      kernel: this.#kernel,
      bindAddress: gateway,
      network: name,
      names: this.#names,
      sockets,
      onFlood: (address) => this.#flooded(name, address),
      ...(internal ? {} : { upstreams: resolvConfUpstreams() }),
    });
    if (sockets === undefined) await this.#dnsSockets.keep(name, server.sockets);
    return server;
  }
}

function namedEndpoint(
  { project, instanceId, name: instanceName, service, spec }: Assignment,
  network: string,
  aliases: readonly string[],
  address: string,
  healthy: boolean,
): NetworkEndpoint {
  return { network, project, instanceId, instanceName, service, aliases, address, ports: spec.expose, healthy };
}
