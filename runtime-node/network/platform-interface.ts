import type { Kernel } from "#kernel/kernel.ts";
import { isNetlinkErrno } from "#kernel/netlink/netlink-error.ts";
import { RouteSocket } from "#kernel/netlink/route-socket.ts";
import { NftablesSocket } from "#kernel/nftables/nftables-socket.ts";
import { lockAddresses } from "./address-lock.ts";
import { leaveDockerUser } from "./docker-user.ts";
import { Firewall } from "./firewall.ts";
import { hostInterfacePrefix, interfacePrefix, platformInterfaceName } from "./interface-names.ts";
import { type AddressPool, type PoolRequest, settlePool } from "./pool.ts";
import { writeNetSetting } from "./sysctl.ts";

const HOST_PREFIX_LENGTH = 32;

/** The interface that holds the address nats-server listens on. It outlives the process that made it. */
export interface PlatformInterface {
  name: string;
  /** `10.83.0.1`, reachable from our containers (one port) and from this machine, from nowhere else. */
  address: string;
  pool: AddressPool;
  /**
   * Removes the interface, the bridges (recovery makes them again), the firewall tables and our rules in Docker's. While a container is still connected
   * it removes nothing and returns false.
   */
  remove(): boolean;
}

/** Makes the interface and the rules that guard it, or finds them made. The rules come first: the address is never open. */
export async function openPlatformInterface(request: PoolRequest, signal?: AbortSignal): Promise<PlatformInterface> {
  const { kernel, hash } = request;
  using _lock = await lockAddresses(kernel, signal);
  const pool = await settlePool(request);
  const name = platformInterfaceName(hash);
  withFirewall(kernel, hash, pool, (firewall) => firewall.ensureRuleset());
  ensureInterface(kernel, name, pool.messagingAddress);
  return {
    name,
    address: pool.messagingAddress,
    pool,
    remove(): boolean {
      using routes = RouteSocket.open(kernel);
      const ours = routes.listLinks().filter((link) => link.name.startsWith(interfacePrefix(hash)));
      if (ours.some((link) => link.name.startsWith(hostInterfacePrefix(hash)))) return false;
      for (const link of ours) routes.deleteLink(link.name);
      withFirewall(kernel, hash, pool, (firewall) => firewall.removeTables());
      using nftables = NftablesSocket.open(kernel);
      leaveDockerUser(nftables, hash);
      return true;
    },
  };
}

function ensureInterface(kernel: Kernel, name: string, address: string): void {
  using routes = RouteSocket.open(kernel);
  if (routes.findLink(name) === undefined) makeInterface(routes, name);
  const link = routes.requireLink(name);
  const addressed = routes.listAddresses().some((entry) => entry.linkIndex === link.index && entry.address === address);
  if (!addressed) routes.addAddress({ linkIndex: link.index, address, prefixLength: HOST_PREFIX_LENGTH });
  if (!link.up) routes.setLink(link.index, { up: true });
}

/** Two processes of a platform may come at once: the loser finds the winner's. */
function makeInterface(routes: RouteSocket, name: string): void {
  try {
    routes.createDummy({ name });
  } catch (error) {
    if (isNetlinkErrno(error, "EEXIST")) return;
    if (!isNetlinkErrno(error, "EOPNOTSUPP")) throw error;
    // A kernel without the dummy driver: a bridge without ports holds an address as well.
    routes.createBridge({ name });
  }
  writeNetSetting(`ipv6/conf/${name}/disable_ipv6`, "1");
}

function withFirewall(kernel: Kernel, hash: string, pool: AddressPool, use: (firewall: Firewall) => unknown): void {
  using firewall = new Firewall(kernel, { hash, ...pool });
  use(firewall);
}
