import { closeSync } from "node:fs";
import type { Kernel } from "#kernel/kernel.ts";
import { boundAddress, type DnsSockets } from "../dns/dns-sockets.ts";
import type { KeptFds } from "../launch/kept-fds.ts";

/** The sockets of the bridges' DNS servers, kept by the supervisor: what is asked while no agent lives waits in them. */
export class KeptDnsSockets {
  readonly #kernel: Kernel;
  readonly #fds: KeptFds;

  constructor(kernel: Kernel, fds: KeptFds) {
    this.#kernel = kernel;
    this.#fds = fds;
  }

  /** A former agent's, the caller's to close; undefined when there are none on this address. */
  async take(network: string, address: string): Promise<DnsSockets | undefined> {
    const udp = this.#fds.take(udpName(network));
    const tcp = this.#fds.take(tcpName(network));
    const taken = [udp, tcp].filter((fd) => fd !== undefined);
    if (udp !== undefined && tcp !== undefined && taken.every((fd) => boundAddress(this.#kernel, fd).address === address)) {
      return { udp, tcp };
    }
    for (const fd of taken) closeSync(fd);
    // One alone would hold the port that a new pair needs.
    if (taken.length > 0) await this.drop(network);
    return undefined;
  }

  async keep(network: string, { udp, tcp }: DnsSockets): Promise<void> {
    await Promise.all([this.#fds.keep(udpName(network), udp), this.#fds.keep(tcpName(network), tcp)]);
  }

  async drop(network: string): Promise<void> {
    await Promise.all([this.#fds.drop(udpName(network)), this.#fds.drop(tcpName(network))]);
  }
}

const udpName = (network: string): string => `dns/${network}/udp`;
const tcpName = (network: string): string => `dns/${network}/tcp`;
