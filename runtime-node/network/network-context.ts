import { SlipwayError } from "#contracts/slipway-error.ts";
import type { Kernel } from "#kernel/kernel.ts";
import type { RouteSocket } from "#kernel/netlink/route-socket.ts";
import type { NftablesSocket } from "#kernel/nftables/nftables-socket.ts";
import { networkError } from "./errors.ts";
import type { Firewall } from "./firewall.ts";
import type { NetworkState } from "./network-state.ts";
import type { AddressPool } from "./pool.ts";
import type { PortReservations } from "./port-reservations.ts";
import type { StateFile } from "./state-file.ts";

/** What the parts of `ProjectNetworks` work on together. */
export interface NetworkContext {
  kernel: Kernel;
  hash: string;
  pool: AddressPool;
  /** Changed in memory first; `file.save()` makes it last. */
  state: NetworkState;
  file: StateFile;
  routes: RouteSocket;
  firewall: Firewall;
  /** For other programs' rules. One for all: to close one waits until the kernel has torn down what was changed last (nft_rcv_nl_event), for milliseconds. */
  nftables: NftablesSocket;
  ports: PortReservations;
}

export interface Change {
  /** "connecting shop-web-1 to network shop_default": begins the error's sentence. */
  what: string;
  /** Changes the kernel; synchronous, so that no other change comes between. */
  make: () => void;
  undo: () => void;
}

/** Changes the kernel, then saves the state; takes both back when either fails. */
export async function applyChange(context: NetworkContext, { what, make, undo }: Change): Promise<void> {
  try {
    setUp(what, make);
    context.file.save();
  } catch (error) {
    try {
      undo();
    } catch (cleanupError) {
      throw new AggregateError([error, cleanupError], `${what} failed, and so did taking it back`, { cause: cleanupError });
    }
    throw error;
  }
}

/** Gives the kernel's refusal a sentence and a remedy. */
export function setUp<Result>(what: string, make: () => Result): Result {
  try {
    return make();
  } catch (error) {
    if (error instanceof SlipwayError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw networkError("SLIPWAY_NETWORK_SETUP_FAILED", `${what} failed: ${reason}`, { cause: error });
  }
}
