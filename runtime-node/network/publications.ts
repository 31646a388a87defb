import type { PublishedPort } from "#contracts/service-spec.ts";
import { networkError } from "./errors.ts";
import { publicationElement } from "./firewall-elements.ts";
import { applyChange, type NetworkContext } from "./network-context.ts";
import { type Publication, takeOut } from "./network-state.ts";
import { portInUse } from "./port-reservation.ts";

const DNS_PORT = 53;

/** The ports of instances that the host answers for. */
export class Publications {
  readonly #context: NetworkContext;

  constructor(context: NetworkContext) {
    this.#context = context;
  }

  async publish(instanceId: string, ports: readonly PublishedPort[], address: string): Promise<Publication[]> {
    if (ports.length > 0) this.#assertPublishable(instanceId, ports, address);
    const { state, firewall, ports: reservations } = this.#context;
    const current = state.publications.filter((publication) => publication.instanceId === instanceId);
    if (current.length === ports.length && ports.every((port) => current.some((held) => isSame(held, port, address)))) {
      return current;
    }
    for (const port of ports) this.#assertNotOurs(port);
    await this.unpublish(instanceId);
    const hostPorts = await reservations.hold(instanceId, ports);
    const publications = ports.map(({ hostIp, hostPort, protocol, containerPort }, index) => {
      const chosen = hostPorts[index] ?? hostPort;
      return { instanceId, hostIp, hostPort: chosen, protocol, address, containerPort, requestedPort: hostPort };
    });
    state.publications.push(...publications);
    await applyChange(this.#context, {
      what: `publishing ports of instance ${instanceId}`,
      make: () => firewall.add(publications.map(publicationElement)),
      undo: () => this.#drop(instanceId),
    });
    return publications;
  }

  async unpublish(instanceId: string): Promise<void> {
    if (this.#drop(instanceId)) this.#context.file.save();
  }

  #drop(instanceId: string): boolean {
    const { state, firewall, ports } = this.#context;
    const dropped = takeOut(state.publications, (publication) => publication.instanceId === instanceId);
    ports.release(dropped);
    firewall.remove(dropped.map(publicationElement));
    return dropped.length > 0;
  }

  /** A reservation on all addresses would keep nats-server and the DNS servers of networks to come from theirs. */
  #assertNotOurs(port: PublishedPort): void {
    const { messagingAddress, messagingPort } = this.#context.pool;
    if (port.hostIp !== "0.0.0.0" && port.hostIp !== messagingAddress) return;
    const remedy = "Publish another port, or name the address of this machine to publish this one on.";
    if (port.hostPort === messagingPort) throw portInUse(port, "Slipway's messaging", remedy);
    if (port.hostPort === DNS_PORT) throw portInUse(port, "Slipway's DNS for containers", remedy);
  }

  #assertPublishable(instanceId: string, ports: readonly PublishedPort[], address: string): void {
    const { endpoints, networks } = this.#context.state;
    const endpoint = endpoints.find((entry) => entry.instanceId === instanceId && entry.address === address);
    const network = networks.find((entry) => entry.bridge === endpoint?.bridge);
    if (network !== undefined && !network.internal) return;
    const named = ports.map((port) => port.containerPort).join(", ");
    const reason = network === undefined ? `it has no address ${address}` : `network ${network.name} is internal`;
    throw networkError("SLIPWAY_NETWORK_NOT_PUBLISHABLE", `instance ${instanceId} cannot publish port ${named}: ${reason}`);
  }
}

function isSame(held: Publication, port: PublishedPort, address: string): boolean {
  return (
    held.address === address &&
    held.hostIp === port.hostIp &&
    held.requestedPort === port.hostPort &&
    held.protocol === port.protocol &&
    held.containerPort === port.containerPort
  );
}
