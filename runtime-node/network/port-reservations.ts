import type { Kernel } from "#kernel/kernel.ts";
import { type HostPort, portInUse, PortReservation } from "./port-reservation.ts";

interface Held {
  instanceId: string;
  reservation: PortReservation;
}

/** The host ports that this process holds for instances. They are free again when it ends; recovery takes them anew. */
export class PortReservations implements Disposable {
  readonly #kernel: Kernel;
  readonly #held = new Map<string, Held & HostPort>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** Holds all of these ports or none; returns the port numbers, where 0 was asked the one that was chosen. */
  async hold(instanceId: string, ports: readonly HostPort[]): Promise<number[]> {
    const held: HostPort[] = [];
    try {
      for (const port of ports) held.push(await this.#holdOne(instanceId, port));
    } catch (error) {
      this.release(held);
      throw error;
    }
    return held.map(({ hostPort }) => hostPort);
  }

  has(port: HostPort): boolean {
    return this.#held.has(key(port));
  }

  release(ports: readonly HostPort[]): void {
    for (const port of ports) {
      this.#held.get(key(port))?.reservation[Symbol.dispose]();
      this.#held.delete(key(port));
    }
  }

  [Symbol.dispose](): void {
    this.release([...this.#held.values()]);
  }

  async #holdOne(instanceId: string, wanted: HostPort): Promise<HostPort> {
    const other = this.#conflicting(wanted);
    if (other !== undefined) throw portInUse(wanted, `instance ${other.instanceId}`);
    const reservation = await PortReservation.hold(this.#kernel, wanted);
    const { hostIp, protocol } = wanted;
    const port = { hostIp, protocol, hostPort: reservation.port };
    this.#held.set(key(port), { ...port, instanceId, reservation });
    return port;
  }

  #conflicting({ hostIp, hostPort, protocol }: HostPort): Held | undefined {
    if (hostPort === 0) return undefined;
    const meets = (other: string): boolean => other === hostIp || other === ANY || hostIp === ANY;
    return [...this.#held.values()].find(
      (held) => held.hostPort === hostPort && held.protocol === protocol && meets(held.hostIp),
    );
  }
}

const ANY = "0.0.0.0";
const key = ({ hostIp, hostPort, protocol }: HostPort): string => `${protocol} ${hostIp}:${hostPort}`;
