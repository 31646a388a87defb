import type { Kernel } from "#kernel/kernel.ts";
import { hasCode } from "#contracts/slipway-error.ts";
import type { Handover } from "./handover.ts";
import type { Leftover } from "./leftovers.ts";
import { openListener, takeListener } from "./listener.ts";
import { LISTENER_FDS } from "./process-specs.ts";
import { adoptProcess, endProcess } from "./running-process.ts";
import type { ServerOptions } from "./server-options.ts";

const KILL_AFTER_MS = 5_000;

interface Former {
  handover: Handover | undefined;
  leftovers: readonly Leftover[];
}

/**
 * The gateway's listening sockets, HTTP and HTTPS: those that this process has, those of a gateway that outlived its supervisor, or new
 * ones. A gateway that has the port and does not give it is ended.
 */
export async function acquireListeners(
  kernel: Kernel,
  { httpPort, httpsPort }: ServerOptions,
  { handover, leftovers }: Former,
  acquired: AsyncDisposableStack,
): Promise<number[]> {
  const gateways = leftovers.filter(({ name }) => name === "gateway");
  const listeners: number[] = [];
  for (const [index, port] of [httpPort, httpsPort].entries()) {
    const taken = (): number | undefined =>
      gateways
        .map((gateway) => takeListener(kernel, gateway, LISTENER_FDS[index] ?? -1, port))
        .find((fd) => fd !== undefined);
    const fd = handover?.listeners[index] ?? taken() ?? (await openFreed(kernel, port, gateways));
    acquired.defer(() => void kernel.attempt("close", fd));
    listeners.push(fd);
  }
  return listeners;
}

async function openFreed(kernel: Kernel, port: number, gateways: readonly Leftover[]): Promise<number> {
  try {
    return openListener(kernel, port);
  } catch (error) {
    if (!hasCode(error, "SLIPWAY_SERVER_PORT_IN_USE") || gateways.length === 0) throw error;
    const running = gateways.flatMap(({ pid, startTime }) => adoptProcess(kernel, pid, startTime) ?? []);
    await Promise.all(running.map((gateway) => endProcess(gateway, KILL_AFTER_MS)));
    return openListener(kernel, port);
  }
}
