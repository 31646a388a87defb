import { type Static, Type } from "typebox";
import { join } from "node:path";
import type { Kernel } from "#kernel/kernel.ts";
import { RouteSocket } from "#kernel/netlink/route-socket.ts";
import { readJson, writeJson } from "./durable-json.ts";
import { networkError } from "./errors.ts";
import { hostInterfacePrefix, interfacePrefix } from "./interface-names.ts";
import { moveNetworks } from "./move-networks.ts";
import { readState, type StatePlaces, writeState } from "./state-file.ts";
import { addressAt, formatSubnet, overlaps, parseSubnet, type Subnet } from "./subnet.ts";

/** The port nats-server listens on unless a platform says otherwise. */
export const DEFAULT_MESSAGING_PORT = 4222;
const POOL_PREFIX_LENGTH = 16;
const FILE = "pool.json";

const PoolFile = Type.Object({
  version: Type.Literal(1),
  pool: Type.String(),
  messagingPort: Type.Integer({ minimum: 1, maximum: 65535 }),
});

/** The range that a platform's networks come from. Its first /24 is the platform's own. */
export interface AddressPool {
  subnet: Subnet;
  /** `10.83.0.1` */
  messagingAddress: string;
  messagingPort: number;
}

export interface PoolRequest extends StatePlaces {
  hash: string;
  kernel: Kernel;
  /** `a.b.0.0/16`; absent: the first free of the usual ones. Only asked when the platform has no pool yet. */
  pool?: string;
  messagingPort?: number;
}

/**
 * The platform's pool: as settled before, else a free one, written down so that every process and restart uses the same. One that
 * something else on the machine has taken since (another platform, a VPN) is given up and the networks in it move, unless a container
 * is connected to one: SLIPWAY_NETWORK_POOL_TAKEN.
 */
export async function settlePool(request: PoolRequest): Promise<AddressPool> {
  const path = join(request.directory, FILE);
  const settled = await readJson(path, PoolFile);
  const taker = settled === undefined ? undefined : takerOf(request, settled.pool);
  if (settled !== undefined && taker === undefined) return describePool(settled);
  if (settled !== undefined && taker !== undefined) refuseWhileConnected(request, settled.pool, taker);
  const subnet = choosePool(request);
  const state = await readState(request);
  // First: cut short, it is done again, and moving what has moved changes nothing.
  if (state !== undefined) await writeState(request, moveNetworks(state, subnet));
  const messagingPort = request.messagingPort ?? settled?.messagingPort ?? DEFAULT_MESSAGING_PORT;
  const file = { version: 1 as const, pool: formatSubnet(subnet), messagingPort };
  await writeJson(path, file);
  return describePool(file);
}

/** The ranges that this machine's other interfaces have addresses or routes in; its default route says nothing. */
export function foreignRanges(kernel: Kernel, hash: string): Subnet[] {
  using routes = RouteSocket.open(kernel);
  const links = new Map(routes.listLinks().map((link) => [link.index, link.name]));
  const isForeign = ({ linkIndex }: { linkIndex: number | undefined }): boolean =>
    !(links.get(linkIndex ?? 0) ?? "").startsWith(interfacePrefix(hash));
  return [
    ...routes
      .listAddresses()
      .filter(isForeign)
      .map(({ address, prefixLength }) => parseSubnet(`${address}/${prefixLength}`)),
    ...routes
      .listRoutes()
      .filter((route) => route.prefixLength > 0 && isForeign(route))
      .map(({ destination, prefixLength }) => parseSubnet(`${destination}/${prefixLength}`)),
  ];
}

function takerOf({ kernel, hash }: PoolRequest, pool: string): Subnet | undefined {
  return foreignRanges(kernel, hash).find((range) => overlaps(range, parsePool(pool)));
}

/** Bridges without a container are taken away: they are made again where they belong now. */
function refuseWhileConnected({ kernel, hash }: PoolRequest, pool: string, taker: Subnet): void {
  using routes = RouteSocket.open(kernel);
  const ours = routes.listLinks().filter(({ name }) => name.startsWith(interfacePrefix(hash)));
  const connected = ours.filter(({ name }) => name.startsWith(hostInterfacePrefix(hash))).length;
  if (connected === 0) {
    for (const { name } of ours) routes.deleteLink(name);
    return;
  }
  throw networkError(
    "SLIPWAY_NETWORK_POOL_TAKEN",
    `the range ${pool}, in which ${connected} interface${connected === 1 ? " of a container is" : "s of containers are"}, overlaps ${formatSubnet(taker)}, which something else on this machine has`,
  );
}

function choosePool({ kernel, hash, pool }: PoolRequest): Subnet {
  if (pool !== undefined) return parsePool(pool);
  const taken = foreignRanges(kernel, hash);
  const candidates = usualPools();
  const free = candidates.find((candidate) => !taken.some((range) => overlaps(range, candidate)));
  if (free !== undefined) return free;
  const tried = `${formatSubnet(candidates[0] as Subnet)} to ${formatSubnet(candidates.at(-1) as Subnet)}`;
  const found = taken.map(formatSubnet).join(", ");
  throw networkError(
    "SLIPWAY_NETWORK_NO_POOL",
    `no range of ${tried} is free: this machine has addresses or routes in ${found}`,
  );
}

/** 10.83 to 10.99, then 172.24 to 172.31: ranges that Docker, libvirt and home routers do not begin with. */
function usualPools(): Subnet[] {
  const ten = Array.from({ length: 17 }, (_, index) => `10.${83 + index}.0.0/16`);
  const oneSevenTwo = Array.from({ length: 8 }, (_, index) => `172.${24 + index}.0.0/16`);
  return [...ten, ...oneSevenTwo].map(parseSubnet);
}

function parsePool(text: string): Subnet {
  const invalid = (): Error =>
    networkError(
      "SLIPWAY_NETWORK_POOL_INVALID",
      `the address pool ${JSON.stringify(text)} is not an IPv4 range a.b.0.0/16`,
    );
  try {
    const subnet = parseSubnet(text);
    if (subnet.prefixLength !== POOL_PREFIX_LENGTH || formatSubnet(subnet) !== text) throw invalid();
    return subnet;
  } catch (error) {
    if (error instanceof RangeError) throw invalid();
    throw error;
  }
}

function describePool({ pool, messagingPort }: Static<typeof PoolFile>): AddressPool {
  const subnet = parsePool(pool);
  return { subnet, messagingAddress: addressAt(subnet, 1), messagingPort };
}
