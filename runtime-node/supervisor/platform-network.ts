import type { HomeLayout } from "#contracts/home.ts";
import type { Kernel } from "#kernel/kernel.ts";
import { locateNatsServer } from "#messaging/nats-server/locate.ts";
import { type PreparedNatsServer, prepareNatsServer } from "#messaging/nats-server/prepare.ts";
import { waitUntilServerGreets } from "#messaging/nats-server/readiness.ts";
import { openPlatformInterface } from "../network/platform-interface.ts";

/** What must be there before the first process starts. */
export interface PreparedPlatform {
  nats: PreparedNatsServer;
  probeNats: (signal: AbortSignal) => Promise<void>;
  /** Takes the messaging address and the firewall away. */
  releaseNetwork: () => void;
}

/** The interface that nats-server listens on, which only containers and this machine reach, and nats-server's configuration for it. */
export async function preparePlatform(kernel: Kernel, home: HomeLayout, signal: AbortSignal): Promise<PreparedPlatform> {
  const binary = await locateNatsServer({ signal });
  const messaging = await openPlatformInterface(
    { directory: home.networks, runFolder: home.run, hash: home.hash, kernel },
    signal,
  );
  const { address } = messaging;
  const port = messaging.pool.messagingPort;
  try {
    const nats = await prepareNatsServer({ home, listenAddress: address, port, binary, signal });
    return {
      nats,
      probeNats: (limit) => waitUntilServerGreets({ host: address, port, serverName: nats.serverName }, limit),
      releaseNetwork: () => messaging.remove(),
    };
  } catch (error) {
    messaging.remove();
    throw error;
  }
}
