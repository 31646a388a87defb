import type { Link } from "#kernel/netlink/link-messages.ts";
import type { RouteSocket } from "#kernel/netlink/route-socket.ts";
import { NETWORK_PREFIX_LENGTH } from "./address-plan.ts";
import { macFor } from "./interface-names.ts";
import type { NetworkRecord } from "./network-state.ts";
import { readNetSetting, writeNetSetting } from "./sysctl.ts";

/** Makes a network's bridge, or sets right what is wrong with it; a right one is left alone. Returns what it did. */
export function ensureBridge(routes: RouteSocket, { bridge, gateway }: NetworkRecord): "kept" | "made" | "mended" {
  const found = routes.findLink(bridge);
  const link = found ?? makeBridge(routes, bridge, gateway);
  const addressed = hasAddress(routes, link, gateway);
  if (!addressed) routes.addAddress({ linkIndex: link.index, address: gateway, prefixLength: NETWORK_PREFIX_LENGTH });
  if (!link.up) routes.setLink(link.index, { up: true });
  // For ports published on 127.0.0.1; the ruleset's loopback guard keeps containers from using it.
  writeNetSetting(`ipv4/conf/${bridge}/route_localnet`, "1");
  if (found === undefined) return "made";
  return addressed && found.up ? "kept" : "mended";
}

/** Routing between bridges and the outside needs the machine-wide switch; docker sets it as well. Returns whether it was off. */
export function enableForwarding(): boolean {
  if (readNetSetting("ipv4/ip_forward") === "1") return false;
  writeNetSetting("ipv4/ip_forward", "1");
  return true;
}

function makeBridge(routes: RouteSocket, name: string, gateway: string): Link {
  routes.createBridge({ name, mac: macFor(gateway) });
  // Before it is up: no link-local address, so that containers reach the host over IPv4 and its rules only.
  writeNetSetting(`ipv6/conf/${name}/disable_ipv6`, "1");
  return routes.requireLink(name);
}

function hasAddress(routes: RouteSocket, link: Link, address: string): boolean {
  return routes.listAddresses().some((entry) => entry.linkIndex === link.index && entry.address === address);
}
