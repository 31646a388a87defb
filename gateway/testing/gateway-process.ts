import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { PACKAGE_ROOT, processEntry } from "#contracts/process-entry.ts";
import { LinuxKernel } from "#kernel/linux-kernel.ts";

const AF_INET = 2;
const SOCK_STREAM_CLOEXEC = 0o2000001;

/** Listening sockets that outlive gateway processes and accept nothing themselves, as the supervisor holds them. */
export interface HeldListeners extends Disposable {
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly fds: [http: number, https: number];
}

export function holdListeners(): HeldListeners {
  const kernel = new LinuxKernel();
  const [http, https] = [listenOnLoopback(kernel), listenOnLoopback(kernel)];
  return {
    httpPort: http.port,
    httpsPort: https.port,
    fds: [http.fd, https.fd],
    [Symbol.dispose]() {
      for (const { fd } of [http, https]) kernel.call("close", fd);
    },
  };
}

function listenOnLoopback(kernel: LinuxKernel): { fd: number; port: number } {
  const fd = kernel.call("socket", AF_INET, SOCK_STREAM_CLOEXEC, 0);
  // struct sockaddr_in: family in the machine's order, port and address in the network's; port 0 is any free one.
  const address = Buffer.from([AF_INET, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
  kernel.call("bind", fd, address, address.length);
  kernel.call("listen", fd, 128);
  kernel.call("getsockname", fd, address, Buffer.from([address.length, 0, 0, 0]));
  return { fd, port: address.readUInt16BE(2) };
}

export interface GatewayProcess extends AsyncDisposable {
  readonly child: ChildProcess;
  /** Resolves when it has said that it is ready; rejects when it ends before. */
  readonly ready: Promise<void>;
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  /** What it has written to standard error. */
  readonly log: () => string;
}

/** Starts the real gateway process, as the supervisor does. */
export function spawnGateway(home: string, environment: Record<string, string>, listeners?: HeldListeners): GatewayProcess {
  const sockets = listeners === undefined ? {} : { SLIPWAY_HTTP_FD: "4", SLIPWAY_HTTPS_FD: "5" };
  const child = spawn(process.execPath, [processEntry("gateway")], {
    stdio: ["ignore", "inherit", "pipe", "pipe", ...(listeners?.fds ?? [])],
    env: {
      PATH: process.env["PATH"],
      NODE_COMPILE_CACHE: join(PACKAGE_ROOT, ".slipway/cache/compile"),
      SLIPWAY_HOME: home,
      SLIPWAY_READY_FD: "3",
      ...sockets,
      ...environment,
    },
  });
  let log = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (log += text));
  const ended = once(child, "exit").then(([code, signal]) => (code ?? signal) as number | string);
  const ready = isReady(child.stdio[3] as Readable).then((yes) => {
    if (!yes) throw new Error(`the gateway ended before it was ready: ${log}`);
  });
  ready.catch(() => undefined);
  return {
    child,
    ready,
    ended,
    log: () => log,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

async function isReady(pipe: Readable): Promise<boolean> {
  return (await pipe.setEncoding("utf8").toArray()).join("") === "ready\n";
}
