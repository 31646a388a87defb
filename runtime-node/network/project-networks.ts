import type { NetworkInfo } from "#contracts/api.ts";
import type { NetworkSpec } from "#contracts/project-spec.ts";
import type { PublishedPort } from "#contracts/service-spec.ts";
import type { Kernel } from "#kernel/kernel.ts";
import { RouteSocket } from "#kernel/netlink/route-socket.ts";
import { NftablesSocket } from "#kernel/nftables/nftables-socket.ts";
import { type AttachRequest, Endpoints } from "./endpoints.ts";
import { Firewall } from "./firewall.ts";
import type { NetworkContext } from "./network-context.ts";
import { emptyState, type EndpointRecord, type NetworkRecord, type Publication } from "./network-state.ts";
import { type AddressPool, settlePool } from "./pool.ts";
import { PortReservations } from "./port-reservations.ts";
import { ProjectBridges } from "./project-bridges.ts";
import { Publications } from "./publications.ts";
import { readState, StateFile, type StatePlaces } from "./state-file.ts";
import { keepPassing } from "./upkeep.ts";
import { recoverNetworks, type RecoveryReport, type RunningInstance } from "./recovery.ts";

export interface NetworksOptions extends StatePlaces {
  /** 8 hex digits of the home. */
  hash: string;
  kernel: Kernel;
  /** `a.b.0.0/16`, for a platform that has no pool yet. */
  pool?: string;
  signal: AbortSignal;
}

export type Endpoint = EndpointRecord;

/** Opens a node's networks as they were left. Call `recover` before anything else, once the running instances are known. */
export async function openNetworks(options: NetworksOptions): Promise<ProjectNetworks> {
  const { hash, kernel, signal } = options;
  signal.throwIfAborted();
  const pool = await settlePool(options);
  const state = (await readState(options)) ?? emptyState();
  signal.throwIfAborted();
  await using resources = new AsyncDisposableStack();
  const context: NetworkContext = {
    kernel,
    hash,
    pool,
    state,
    file: resources.use(new StateFile(options, state)),
    routes: resources.use(RouteSocket.open(kernel)),
    firewall: resources.use(new Firewall(kernel, { hash, ...pool })),
    nftables: resources.use(NftablesSocket.open(kernel)),
    ports: resources.use(new PortReservations(kernel)),
  };
  context.firewall.ensureRuleset();
  resources.use(keepPassing(context));
  return new ProjectNetworks(context, resources.move());
}

/**
 * The bridges, addresses and published ports of one node's containers. A method that resolved has changed the kernel and
 * written it down; one that threw has taken back what it did. Disposal leaves the kernel as it is, for the next process.
 */
export class ProjectNetworks implements AsyncDisposable {
  readonly pool: AddressPool;
  readonly #context: NetworkContext;
  readonly #resources: AsyncDisposableStack;
  readonly #bridges: ProjectBridges;
  readonly #endpoints: Endpoints;
  readonly #publications: Publications;

  /** For {@link openNetworks}. */
  constructor(context: NetworkContext, resources: AsyncDisposableStack) {
    this.pool = context.pool;
    this.#context = context;
    this.#resources = resources;
    this.#bridges = new ProjectBridges(context);
    this.#endpoints = new Endpoints(context);
    this.#publications = new Publications(context);
  }

  /**
   * The network of a project, made when it is not there; made anew when its `internal` changed and nobody is attached.
   * SLIPWAY_NETWORK_NAME_TAKEN when another project's joins to the same name (a_b and c, a and b_c).
   */
  ensure(project: string, spec: NetworkSpec): Promise<NetworkRecord> {
    return this.#bridges.ensure(project, spec);
  }

  /** SLIPWAY_NETWORK_IN_USE while an instance is attached; for a network that is not there it does nothing. */
  remove(project: string, network: string): Promise<void> {
    return this.#bridges.remove(project, network);
  }

  /** Gives a process's network namespace an interface on a network, with the instance's old address if it had one. */
  attach(request: AttachRequest): Promise<Endpoint> {
    return this.#endpoints.attach(request);
  }

  /** Takes an instance off all networks. Its addresses are kept; repeating it does nothing. */
  detach(instanceId: string): Promise<void> {
    return this.#endpoints.detach(instanceId);
  }

  /** Gives up the addresses kept for an instance that will not come back. */
  releaseAddress(instanceId: string): Promise<void> {
    return this.#endpoints.releaseAddress(instanceId);
  }

  /**
   * Publishes all ports of an attached instance or none, in place of those it had; returns the host ports it got. Asking again
   * for what is published changes nothing. `address` is the instance's on a network that is not internal.
   */
  publish(instanceId: string, ports: readonly PublishedPort[], address: string): Promise<Publication[]> {
    return this.#publications.publish(instanceId, ports, address);
  }

  unpublish(instanceId: string): Promise<void> {
    return this.#publications.unpublish(instanceId);
  }

  list(): NetworkInfo[] {
    return this.#context.state.networks.map(({ name, project, bridge, subnet, gateway, internal }) => {
      const endpoints = this.endpoints(name).map((endpoint) => ({
        instance: endpoint.instanceName,
        ip: endpoint.address,
        aliases: endpoint.aliases,
      }));
      return { name, project, bridge, subnet, gateway, internal, endpoints };
    });
  }

  networks(): readonly NetworkRecord[] {
    return this.#context.state.networks;
  }

  /** The endpoints of a network, by its record's name, or of all. */
  endpoints(networkName?: string): readonly Endpoint[] {
    return this.#context.state.endpoints.filter(({ network }) => networkName === undefined || network === networkName);
  }

  publications(): readonly Publication[] {
    return this.#context.state.publications;
  }

  /**
   * After a restart: makes kernel and state agree with the instances that run. What is right is not touched, what is missing is
   * made, what belongs to nobody is removed. With `assigned`, addresses of instances not among them are given up.
   */
  async recover(running: readonly RunningInstance[], assigned?: Iterable<string>): Promise<RecoveryReport> {
    const report = await recoverNetworks(this.#context, running, assigned === undefined ? undefined : new Set(assigned));
    this.#context.file.save();
    return report;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}
