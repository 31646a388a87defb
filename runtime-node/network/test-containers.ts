import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { promisify } from "node:util";
import type { Kernel } from "#kernel/kernel.ts";
import {
  createNetworkNamespace,
  inNetworkNamespace,
  openNetworkNamespace,
  openRouteSocketIn,
} from "#kernel/netlink/network-namespace.ts";
import { ipv4Bytes } from "#kernel/netlink/ipv4.ts";
import { RouteSocket } from "#kernel/netlink/route-socket.ts";
import type { StatePlaces } from "./state-file.ts";

const run = promisify(execFile);
const PATIENTLY = 5;
const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const SOL_SOCKET = 1;
const SO_BROADCAST = 6;
const MSG_DONTWAIT = 0x40;

/** For tests: a network namespace with processes in it, standing for a container or a machine. */
export class TestContainer implements AsyncDisposable {
  /** 0 for the host. */
  readonly pid: number;
  readonly namespacePath: string;
  readonly #resources = new AsyncDisposableStack();

  private constructor(pid: number, namespacePath: string) {
    this.pid = pid;
    this.namespacePath = namespacePath;
  }

  static start(kernel: Kernel): TestContainer {
    using namespace = createNetworkNamespace(kernel);
    const process = inNetworkNamespace(kernel, namespace.fd, () => spawn("sleep", ["600"], { stdio: "ignore" }));
    if (process.pid === undefined) throw new Error("the process did not start");
    const container = new TestContainer(process.pid, `/proc/${process.pid}/ns/net`);
    container.#endWith(process);
    return container;
  }

  /** This thread's own namespace. By an fd: /proc/<pid>/ns/net is elsewhere whenever this thread visits a container's. */
  static host(kernel: Kernel): TestContainer {
    const namespace = openNetworkNamespace(kernel, "/proc/thread-self/ns/net");
    const host = new TestContainer(0, `/proc/${process.pid}/fd/${namespace.fd}`);
    host.#resources.use(namespace);
    return host;
  }

  /** Runs a command inside; its output, or `failed` when it does not exit with 0. */
  async try(command: string): Promise<string> {
    try {
      const { stdout } = await run("nsenter", [`--net=${this.namespacePath}`, "sh", "-c", command]);
      return stdout.trim();
    } catch {
      return "failed";
    }
  }

  async reaches(address: string, waitSeconds = PATIENTLY): Promise<boolean> {
    return (await this.try(`busybox ping -c 1 -W ${waitSeconds} ${address}`)) !== "failed";
  }

  /** What a TCP server at address:port says, or `failed`. */
  hears(address: string, port: number, waitSeconds = PATIENTLY): Promise<string> {
    return this.try(`busybox nc -w ${waitSeconds} ${address} ${port} </dev/null`);
  }

  /** Serves TCP on a port; says `<greeting> <the caller's address>` to everyone. Resolves when it listens. */
  async serve(port: number, greeting: string, address = "0.0.0.0"): Promise<void> {
    const script = `
      const server = require("node:net").createServer((socket) => {
        socket.on("error", () => {});
        socket.end("${greeting} " + socket.remoteAddress + "\\n");
      });
      server.listen(${port}, "${address}", () => console.log("listening"));`;
    const args = [`--net=${this.namespacePath}`, process.execPath, "-e", script];
    const server = spawn("nsenter", args, { stdio: ["ignore", "pipe", "inherit"] });
    this.#endWith(server);
    const ended = once(server, "exit").then(() => Promise.reject(new Error(`the server on port ${port} did not start`)));
    await Promise.race([once(server.stdout, "data"), ended]);
    ended.catch(() => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }

  #endWith(child: ChildProcess): void {
    this.#resources.defer(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await once(child, "exit");
    });
  }
}

/** For tests: hears single UDP packets on a port of one namespace, sent from another, with nobody waiting for answers. */
export class PacketProbe implements Disposable {
  readonly #kernel: Kernel;
  readonly #port: number;
  readonly #fd: number;
  readonly #heard: string[] = [];

  constructor(kernel: Kernel, listener: TestContainer, port: number) {
    this.#kernel = kernel;
    this.#port = port;
    this.#fd = this.#socketIn(listener);
    kernel.call("bind", this.#fd, ipv4SocketAddress("0.0.0.0", port), 16);
  }

  sendFrom(sender: TestContainer, address: string, text: string, port = this.#port): void {
    const fd = this.#socketIn(sender);
    const on = Buffer.from([1, 0, 0, 0]);
    this.#kernel.call("setsockopt", fd, SOL_SOCKET, SO_BROADCAST, on, 4);
    const data = Buffer.from(text);
    this.#kernel.attempt("sendto", fd, data, data.byteLength, 0, ipv4SocketAddress(address, port), 16);
    this.#kernel.call("close", fd);
  }

  /** All that was heard up to this text, which must come: what was sent before it and is not there was dropped. */
  async until(text: string): Promise<string[]> {
    const buffer = Buffer.alloc(256);
    while (!this.#heard.includes(text)) {
      const length = this.#kernel.attempt("recvfrom", this.#fd, buffer, buffer.byteLength, MSG_DONTWAIT, null, null);
      if (length > 0) this.#heard.push(buffer.toString("utf8", 0, length));
      else await setImmediate();
    }
    return this.#heard;
  }

  [Symbol.dispose](): void {
    this.#kernel.call("close", this.#fd);
  }

  #socketIn(container: TestContainer): number {
    return inNetworkNamespace(this.#kernel, container.namespacePath, () =>
      this.#kernel.call("socket", AF_INET, SOCK_DGRAM_CLOEXEC, 0),
    );
  }
}

function ipv4SocketAddress(address: string, port: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(AF_INET, 0);
  bytes.writeUInt16BE(port, 2);
  bytes.set(ipv4Bytes(address), 4);
  return bytes;
}

/**
 * A machine across the wire: 198.51.100.2 behind this namespace's uplink 198.51.100.1, with a route back to nothing but us, so
 * that a packet with a container's address never finds its way home.
 */
export function startOutsideWorld(kernel: Kernel): TestContainer {
  const outside = TestContainer.start(kernel);
  using routes = RouteSocket.open(kernel);
  routes.createVeth({ name: "uplink", up: true }, { name: "wan", namespace: { pid: outside.pid } });
  routes.addAddress({ linkIndex: routes.requireLink("uplink").index, address: "198.51.100.1", prefixLength: 24 });
  routes.addDefaultRoute("198.51.100.2");
  using inside = openRouteSocketIn(kernel, `/proc/${outside.pid}/ns/net`);
  const { index } = inside.requireLink("wan");
  inside.setLink("lo", { up: true });
  inside.setLink(index, { up: true });
  inside.addAddress({ linkIndex: index, address: "198.51.100.2", prefixLength: 24 });
  return outside;
}

/** For tests: a folder that is gone when its owner is. */
export async function temporaryFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), "slipway-network-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Where a test's networks keep their state: both copies in its own folder. */
export const placesIn = (folder: string): StatePlaces => ({ directory: folder, runFolder: join(folder, "run") });
