import type { Kernel } from "#kernel/kernel.ts";
import type { PublishedPort } from "#contracts/service-spec.ts";
import type { Publication } from "./network-state.ts";
import { type HostPort, portInUse, PortReservation } from "./port-reservation.ts";

/** The reservations of this process; they end with it and are made again by recovery. */
export class PublishedPorts implements Disposable {
  readonly #kernel: Kernel;
  readonly #held = new Map<string, PortReservation>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** Holds all of an instance's ports or none. `current` is what is published already, to name an instance that has one. */
  async hold(
    instanceId: string,
    ports: readonly PublishedPort[],
    address: string,
    current: readonly Publication[],
  ): Promise<Publication[]> {
    using undo = new DisposableStack();
    const made: Publication[] = [];
    for (const port of ports) {
      const taken = findConflict(port, [...current, ...made]);
      if (taken !== undefined) throw portInUse(port, `instance ${taken.instanceId}`);
      const reservation = undo.use(await PortReservation.hold(this.#kernel, port));
      const publication = { ...port, instanceId, address, hostPort: reservation.port, requestedPort: port.hostPort };
      made.push(publication);
      this.#held.set(key(publication), reservation);
      undo.defer(() => this.#held.delete(key(publication)));
    }
    undo.move();
    return made;
  }

  /** Takes a port again after a restart; throws SLIPWAY_NETWORK_PORT_IN_USE when it was lost meanwhile. */
  async holdAgain(publication: Publication): Promise<void> {
    if (this.#held.has(key(publication))) return;
    this.#held.set(key(publication), await PortReservation.hold(this.#kernel, publication));
  }

  release(publications: readonly Publication[]): void {
    for (const publication of publications) {
      this.#held.get(key(publication))?.[Symbol.dispose]();
      this.#held.delete(key(publication));
    }
  }

  [Symbol.dispose](): void {
    for (const reservation of this.#held.values()) reservation[Symbol.dispose]();
    this.#held.clear();
  }
}

function findConflict(port: HostPort, publications: readonly Publication[]): Publication | undefined {
  return publications.find(
    (other) =>
      port.hostPort !== 0 &&
      other.hostPort === port.hostPort &&
      other.protocol === port.protocol &&
      (other.hostIp === port.hostIp || other.hostIp === "0.0.0.0" || port.hostIp === "0.0.0.0"),
  );
}

const key = ({ hostIp, hostPort, protocol }: HostPort): string => `${protocol} ${hostIp}:${hostPort}`;
