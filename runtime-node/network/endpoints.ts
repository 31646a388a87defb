import { existsSync } from "node:fs";
import { leaseAddress, NETWORK_PREFIX_LENGTH } from "./address-plan.ts";
import { plugIn, unplug } from "./endpoint-link.ts";
import { networkError } from "./errors.ts";
import { endpointElements } from "./firewall-elements.ts";
import { hostInterfaceName, macFor } from "./interface-names.ts";
import { applyChange, type NetworkContext } from "./network-context.ts";
import { type EndpointRecord, type NetworkRecord, takeOut } from "./network-state.ts";

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

/** The interfaces of running instances, and the addresses kept for all. */
export class Endpoints {
  readonly #context: NetworkContext;
  /** By bridge, the address given last: one that was given up is not given to the next at once. */
  readonly #newest = new Map<string, string>();

  constructor(context: NetworkContext) {
    this.#context = context;
  }

  async attach(request: AttachRequest): Promise<EndpointRecord> {
    const { instanceId, address: wanted } = request;
    const { state, kernel, routes, firewall } = this.#context;
    const network = this.#require(request.network);
    const isHere = (entry: { instanceId: string; bridge: string }): boolean =>
      entry.instanceId === instanceId && entry.bridge === network.bridge;
    state.endpoints.filter(isHere).forEach((old) => this.#drop(old));
    const hadLease = state.leases.some(isHere);
    const { address } = leaseAddress(state, network, instanceId, { wanted, newest: this.#newest.get(network.bridge) });
    const endpoint = this.#newRecord(request, network, address);
    state.endpoints.push(endpoint);
    await applyChange(this.#context, {
      what: `connecting ${endpoint.instanceName} to network ${network.name}`,
      make: () => {
        // The guard before the interface: nothing is sent unguarded.
        firewall.add(endpointElements(endpoint));
        plugIn(kernel, routes, endpoint);
      },
      undo: () => {
        if (!hadLease) takeOut(state.leases, isHere);
        this.#drop(endpoint);
      },
    });
    this.#newest.set(network.bridge, address);
    return endpoint;
  }

  async detach(instanceId: string): Promise<void> {
    const endpoints = this.#context.state.endpoints.filter((endpoint) => endpoint.instanceId === instanceId);
    if (endpoints.length === 0) return;
    for (const endpoint of endpoints) this.#drop(endpoint);
    this.#context.file.save();
  }

  async releaseAddress(instanceId: string): Promise<void> {
    const released = takeOut(this.#context.state.leases, (lease) => lease.instanceId === instanceId);
    if (released.length > 0) this.#context.file.save();
  }

  #drop(endpoint: EndpointRecord): void {
    const { state, routes, firewall } = this.#context;
    takeOut(state.endpoints, (entry) => entry === endpoint);
    if (isAlive(endpoint)) unplug(routes, endpoint);
    firewall.remove(endpointElements(endpoint));
  }

  #newRecord(request: AttachRequest, network: NetworkRecord, address: string): EndpointRecord {
    const { instanceId, instanceName, aliases, pid, interfaceName } = request;
    const hasWayOut = this.#context.state.endpoints.some((entry) => entry.instanceId === instanceId && entry.defaultRoute);
    return {
      network: network.name,
      bridge: network.bridge,
      instanceId,
      instanceName,
      aliases: [...aliases],
      pid,
      interfaceName,
      address,
      prefixLength: NETWORK_PREFIX_LENGTH,
      gateway: network.gateway,
      mac: macFor(address),
      hostInterface: hostInterfaceName(this.#context.hash, address),
      defaultRoute: !network.internal && !hasWayOut,
    };
  }

  #require({ name, bridge }: NetworkRecord): NetworkRecord {
    const { networks } = this.#context.state;
    const record = networks.find((network) => network.bridge === bridge && network.name === name);
    if (record !== undefined) return record;
    const known = networks.map((network) => network.name).join(", ") || "none";
    throw networkError("SLIPWAY_NETWORK_NOT_FOUND", `there is no network ${name} on this node; there are: ${known}`);
  }
}

/** A namespace whose last process has ended takes its interfaces along by itself; to delete one of them waits for all CPUs, for milliseconds. */
const isAlive = ({ pid }: EndpointRecord): boolean => existsSync(`/proc/${pid}`);
