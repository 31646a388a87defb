import { type LinkOptions, openLink } from "./connection/open-link.ts";
import { NatsPlatform } from "./nats-platform.ts";
import type { Platform } from "./platform.ts";
import { openJetStream } from "./storage/jet-stream.ts";

/**
 * Connects a process to the platform's account, with the credentials that `prepareNatsServer` wrote for it. Waits for a server
 * that is not there yet until the signal aborts; throws SLIPWAY_MESSAGING_DENIED when it refuses the credentials.
 */
export async function connectPlatform(options: LinkOptions): Promise<Platform> {
  return new NatsPlatform(await openJetStream(await openLink(options)));
}
