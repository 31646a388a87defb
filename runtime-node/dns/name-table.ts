import type { EndpointPort, NameSource, ServiceTarget } from "./name-source.ts";

/** One instance's place on one network. */
export interface NetworkEndpoint {
  /** `<project>_<network>` */
  network: string;
  project: string;
  instanceId: string;
  instanceName: string;
  service: string;
  aliases: readonly string[];
  address: string;
  ports: readonly EndpointPort[];
  /** False while a health check fails or has not passed yet: the service's name and aliases then leave it out. */
  healthy: boolean;
}

/**
 * The names of a node's networks, in memory. An instance is found by its service and aliases while it is healthy, and by its own name
 * and id always; each also as `<name>.<project>`.
 */
export class NameTable implements NameSource {
  readonly #networks = new Map<string, NetworkNames>();
  readonly #networksOf = new Map<string, string[]>();
  #version = 0;

  get version(): number {
    return this.#version;
  }

  /** Adds an endpoint, or replaces the one that this instance has on this network. */
  add(endpoint: NetworkEndpoint): void {
    this.#version += 1;
    const names = this.#networks.get(endpoint.network) ?? new NetworkNames();
    this.#networks.set(endpoint.network, names);
    names.add(endpoint);
    const joined = this.#networksOf.get(endpoint.instanceId) ?? [];
    if (!joined.includes(endpoint.network)) this.#networksOf.set(endpoint.instanceId, [...joined, endpoint.network]);
  }

  /** Removing what is not there does nothing. */
  remove(network: string, instanceId: string): void {
    this.#version += 1;
    const names = this.#networks.get(network);
    names?.remove(instanceId);
    if (names?.isEmpty === true) this.#networks.delete(network);
    const left = this.#networksOf.get(instanceId)?.filter((joined) => joined !== network) ?? [];
    if (left.length > 0) this.#networksOf.set(instanceId, left);
    else this.#networksOf.delete(instanceId);
  }

  networksOf(network: string, address: string): readonly string[] {
    const instanceId = this.#networks.get(network)?.at(address)?.instanceId;
    return (instanceId === undefined ? undefined : this.#networksOf.get(instanceId)) ?? [network];
  }

  /** Whose address it is. */
  endpointAt(network: string, address: string): NetworkEndpoint | undefined {
    return this.#networks.get(network)?.at(address);
  }

  lookup(network: string, name: string): readonly string[] | undefined {
    const wanted = name.toLowerCase();
    return this.#networks
      .get(network)
      ?.named(wanted)
      ?.filter((endpoint) => endpoint.healthy || ownNames(endpoint).includes(wanted))
      .map((endpoint) => endpoint.address);
  }

  reverse(network: string, address: string): string | undefined {
    return this.#networks.get(network)?.at(address)?.instanceName;
  }

  ports(network: string, service: string, port: string, protocol: "tcp" | "udp"): readonly ServiceTarget[] | undefined {
    const wanted = port.toLowerCase();
    const targets = this.#networks
      .get(network)
      ?.named(service.toLowerCase())
      ?.flatMap((endpoint) => endpoint.ports.map((candidate) => ({ endpoint, candidate })))
      .filter(({ candidate }) => candidate.protocol === protocol && matchesPort(candidate, wanted));
    if (targets === undefined || targets.length === 0) return undefined;
    return targets
      .filter(({ endpoint }) => endpoint.healthy)
      .map(({ endpoint, candidate }) => ({
        name: endpoint.instanceName,
        address: endpoint.address,
        port: candidate.port,
      }));
  }
}

/** The endpoints of one network, by every name. */
class NetworkNames {
  readonly #endpoints = new Map<string, NetworkEndpoint>();
  readonly #byName = new Map<string, Map<string, NetworkEndpoint>>();
  readonly #byAddress = new Map<string, NetworkEndpoint>();

  get isEmpty(): boolean {
    return this.#endpoints.size === 0;
  }

  add(endpoint: NetworkEndpoint): void {
    this.remove(endpoint.instanceId);
    this.#endpoints.set(endpoint.instanceId, endpoint);
    this.#byAddress.set(endpoint.address, endpoint);
    for (const name of allNames(endpoint)) {
      const sharing = this.#byName.get(name) ?? new Map<string, NetworkEndpoint>();
      this.#byName.set(name, sharing.set(endpoint.instanceId, endpoint));
    }
  }

  remove(instanceId: string): void {
    const endpoint = this.#endpoints.get(instanceId);
    if (endpoint === undefined) return;
    this.#endpoints.delete(instanceId);
    // The address may have gone to another instance already.
    if (this.#byAddress.get(endpoint.address) === endpoint) this.#byAddress.delete(endpoint.address);
    for (const name of allNames(endpoint)) {
      const sharing = this.#byName.get(name);
      sharing?.delete(instanceId);
      if (sharing?.size === 0) this.#byName.delete(name);
    }
  }

  named(name: string): NetworkEndpoint[] | undefined {
    const sharing = this.#byName.get(name);
    return sharing === undefined ? undefined : [...sharing.values()];
  }

  at(address: string): NetworkEndpoint | undefined {
    return this.#byAddress.get(address);
  }
}

/** The names that mean this instance and no other. */
function ownNames(endpoint: NetworkEndpoint): string[] {
  return withProject(endpoint, [endpoint.instanceName, endpoint.instanceId]);
}

function allNames(endpoint: NetworkEndpoint): string[] {
  return [...ownNames(endpoint), ...withProject(endpoint, [endpoint.service, ...endpoint.aliases])];
}

function withProject(endpoint: NetworkEndpoint, names: readonly string[]): string[] {
  const lower = names.map((name) => name.toLowerCase());
  return lower.concat(lower.map((name) => `${name}.${endpoint.project.toLowerCase()}`));
}

function matchesPort(candidate: EndpointPort, wanted: string): boolean {
  return String(candidate.port) === wanted || candidate.name?.toLowerCase() === wanted;
}
