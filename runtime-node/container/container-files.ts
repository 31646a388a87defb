import { chown, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { LaunchMount } from "../launch/container-launch.ts";

const NAMES = ["hosts", "hostname", "resolv.conf"] as const;
type FileName = (typeof NAMES)[number];

/**
 * /etc/hosts, /etc/hostname and /etc/resolv.conf of one container: files of the host that belong to the container's root, bound over
 * the image's.
 */
export class ContainerFiles {
  readonly #folder: string;
  readonly #owner: number;

  constructor(folder: string, owner: number) {
    this.#folder = folder;
    this.#owner = owner;
  }

  /** Makes the files; the addresses are only known when the container waits for its release. */
  async create(hostname: string): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o755 });
    await this.#write("hostname", `${hostname}\n`);
    await this.writeNetwork(hostname, [], []);
  }

  /** hosts(5) and resolv.conf(5). The files are written in place: they are mounted already. */
  async writeNetwork(hostname: string, addresses: readonly string[], nameServers: readonly string[]): Promise<void> {
    const hosts = ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback"];
    await this.#write("hosts", `${[...hosts, ...addresses.map((address) => `${address}\t${hostname}`)].join("\n")}\n`);
    const lines = nameServers.map((server) => `nameserver ${server}`);
    await this.#write("resolv.conf", `${[...lines, "options ndots:0"].join("\n")}\n`);
  }

  mounts(): LaunchMount[] {
    return NAMES.map((name) => ({
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

  async #write(name: FileName, text: string): Promise<void> {
    const path = join(this.#folder, name);
    await writeFile(path, text, { mode: 0o644 });
    await chown(path, this.#owner, this.#owner);
  }
}
