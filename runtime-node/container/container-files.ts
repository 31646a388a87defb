import { chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LaunchMount } from "../launch/container-launch.ts";

export const FILE_NAMES = ["hosts", "hostname", "resolv.conf"] as const;
type FileName = (typeof FILE_NAMES)[number];

/**
 * /etc/hosts, /etc/hostname and /etc/resolv.conf of one container: files of the host that belong to the container's root, bound over
 * the image's. In memory, where to write them takes no time.
 */
export class ContainerFiles {
  readonly #folder: string;
  readonly #owner: number;

  constructor(folder: string, owner: number) {
    this.#folder = folder;
    this.#owner = owner;
  }

  /** Makes the files; the addresses are only known when the container waits for its release. */
  create(hostname: string): void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o755 });
    this.#write("hostname", `${hostname}\n`);
    this.writeNetwork(hostname, [], []);
  }

  /** hosts(5) and resolv.conf(5). The files are written in place: they are mounted already. */
  writeNetwork(hostname: string, addresses: readonly string[], nameServers: readonly string[]): void {
    const hosts = ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback"];
    this.#write("hosts", `${[...hosts, ...addresses.map((address) => `${address}\t${hostname}`)].join("\n")}\n`);
    const lines = nameServers.map((server) => `nameserver ${server}`);
    this.#write("resolv.conf", `${[...lines, "options ndots:0"].join("\n")}\n`);
  }

  mounts(): LaunchMount[] {
    return FILE_NAMES.map((name) => ({
      kind: "bind",
      source: join(this.#folder, name),
      target: `/etc/${name}`,
      file: true,
      readOnly: false,
      idmap: null,
      recursive: false,
      propagation: "private",
      targetExists: false,
    }));
  }

  #write(name: FileName, text: string): void {
    const path = join(this.#folder, name);
    writeFileSync(path, text, { mode: 0o644 });
    chownSync(path, this.#owner, this.#owner);
  }
}
