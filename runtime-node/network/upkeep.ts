import { leaveDockerUser, passDockerUser } from "./docker-user.ts";
import type { NetworkContext } from "./network-context.ts";

/** How long another program's change may go unnoticed. A look is a few netlink dumps. */
const LOOK_EVERY_MS = 5_000;

type UpkeepContext = Pick<NetworkContext, "nftables" | "hash" | "state" | "firewall">;

/**
 * Other programs own the machine's firewall too: `nft flush ruleset` (which Debian's nftables service begins with) takes our rules away,
 * dockerd comes and begins to drop. Sets right what is not; without networks there is nothing to pass for.
 */
export function passOtherFirewalls({ nftables, hash, state, firewall }: UpkeepContext): void {
  if (state.networks.length === 0) return leaveDockerUser(nftables, hash);
  firewall.ensureRuleset();
  passDockerUser(nftables, hash);
}

/** Does that from time to time, until disposed. */
export function keepPassing(context: UpkeepContext): Disposable {
  let said = "";
  const timer = setInterval(() => {
    try {
      passOtherFirewalls(context);
      said = "";
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (message !== said) console.error(`the firewall could not be looked after: ${message}`);
      said = message;
    }
  }, LOOK_EVERY_MS);
  return { [Symbol.dispose]: () => clearInterval(timer.unref()) };
}
