import type { NetworkState } from "./network-state.ts";
import { addressAt, offsetOf, parseSubnet, type Subnet } from "./subnet.ts";

const ADDRESSES_OF_A_POOL = 2 ** 16;
const ANYWHERE = parseSubnet("0.0.0.0/0");

/** The networks and kept addresses in another pool, each in the same place of it. Only for networks that nobody is connected to. */
export function moveNetworks(state: NetworkState, pool: Subnet): NetworkState {
  const moved = (address: string): string => addressAt(pool, offsetOf(ANYWHERE, address) % ADDRESSES_OF_A_POOL);
  return {
    ...state,
    networks: state.networks.map((network) => {
      const [base = "", length = ""] = network.subnet.split("/");
      return { ...network, subnet: `${moved(base)}/${length}`, gateway: moved(network.gateway) };
    }),
    leases: state.leases.map((lease) => ({ ...lease, address: moved(lease.address) })),
    endpoints: [],
    publications: [],
  };
}
