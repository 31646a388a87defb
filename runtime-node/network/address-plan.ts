import { networkError } from "./errors.ts";
import type { Lease, NetworkRecord, NetworkState } from "./network-state.ts";
import type { AddressPool } from "./pool.ts";
import { addressAt, contains, formatSubnet, offsetOf, overlaps, parseSubnet, type Subnet } from "./subnet.ts";

export const NETWORK_PREFIX_LENGTH = 24;
const ADDRESSES = 256;
/** .0 is the network, .1 the gateway, .255 the broadcast address. */
const FIRST_HOST = 2;
const LAST_HOST = 254;
const GATEWAY = 1;

/** The lowest /24 of the pool, after the platform's own, that neither a network nor the machine uses. */
export function chooseSubnet(pool: AddressPool, networks: readonly NetworkRecord[], foreign: readonly Subnet[]): Subnet {
  const taken = [...networks.map((network) => parseSubnet(network.subnet)), ...foreign];
  for (let index = 1; index < ADDRESSES; index++) {
    const subnet = { base: pool.subnet.base + index * ADDRESSES, prefixLength: NETWORK_PREFIX_LENGTH };
    if (!taken.some((range) => overlaps(range, subnet))) return subnet;
  }
  const message = `the pool ${formatSubnet(pool.subnet)} has no /24 left: ${networks.length} networks exist`;
  throw networkError("SLIPWAY_NETWORK_POOL_EXHAUSTED", message);
}

export function gatewayOf(subnet: Subnet): string {
  return addressAt(subnet, GATEWAY);
}

export interface AddressWish {
  /** The address that it must be. */
  wanted?: string | undefined;
  /** The one given last, also if it was given up; absent: that of the newest lease. */
  newest?: string | undefined;
}

/**
 * The instance's address on a network: its old one, the wanted one, or the next after the newest. Going on, instead of filling
 * gaps, keeps an address that was just freed unused while others may still have it in a cache.
 */
export function leaseAddress(
  state: NetworkState,
  network: NetworkRecord,
  instanceId: string,
  { wanted, newest }: AddressWish = {},
): Lease {
  const leases = state.leases.filter((lease) => lease.bridge === network.bridge);
  const held = leases.find((lease) => lease.instanceId === instanceId);
  if (held !== undefined && (wanted === undefined || wanted === held.address)) return held;
  const subnet = parseSubnet(network.subnet);
  const taken = new Set(leases.map((lease) => offsetOf(subnet, lease.address)));
  const offset =
    wanted === undefined
      ? nextOffset(taken, newest ?? leases.at(-1)?.address, subnet)
      : wantedOffset(taken, network, subnet, wanted);
  if (offset === undefined) {
    const message = `network ${network.name} (${network.subnet}) has no address left: ${leases.length} are kept for instances`;
    throw networkError("SLIPWAY_NETWORK_ADDRESSES_EXHAUSTED", message);
  }
  const lease = { bridge: network.bridge, instanceId, address: addressAt(subnet, offset) };
  if (held !== undefined) state.leases.splice(state.leases.indexOf(held), 1);
  state.leases.push(lease);
  return lease;
}

function nextOffset(taken: ReadonlySet<number>, newest: string | undefined, subnet: Subnet): number | undefined {
  const start = newest === undefined ? FIRST_HOST : offsetOf(subnet, newest) + 1;
  const span = LAST_HOST - FIRST_HOST + 1;
  for (let step = 0; step < span; step++) {
    const offset = FIRST_HOST + ((start - FIRST_HOST + step) % span);
    if (!taken.has(offset)) return offset;
  }
  return undefined;
}

function wantedOffset(taken: ReadonlySet<number>, network: NetworkRecord, subnet: Subnet, wanted: string): number {
  const offset = contains(subnet, wanted) ? offsetOf(subnet, wanted) : -1;
  if (offset < FIRST_HOST || offset > LAST_HOST || taken.has(offset)) {
    const reason = taken.has(offset) ? "another instance has it" : `it is not one of ${network.subnet} for instances`;
    throw networkError("SLIPWAY_NETWORK_ADDRESS_TAKEN", `${wanted} on network ${network.name} cannot be had: ${reason}`);
  }
  return offset;
}
