import type { Kernel } from "#kernel/kernel.ts";
import { isErrno } from "#kernel/kernel.ts";
import { inNetworkNamespace, openNetworkNamespace, type NetworkNamespace } from "#kernel/netlink/network-namespace.ts";
import { isNetlinkErrno } from "#kernel/netlink/netlink-error.ts";
import { RouteSocket } from "#kernel/netlink/route-socket.ts";
import { networkError } from "./errors.ts";
import type { EndpointRecord } from "./network-state.ts";
import { readNetSetting, writeNetSetting } from "./sysctl.ts";

/** Makes an endpoint's veth pair: one end a port of the bridge, the other inside the process's namespace, addressed and up. */
export function plugIn(kernel: Kernel, routes: RouteSocket, endpoint: EndpointRecord): void {
  using namespace = namespaceOf(kernel, endpoint);
  using inside = inNetworkNamespace(kernel, namespace.fd, () => enterNamespace(kernel));
  const near = { name: endpoint.hostInterface, master: routes.requireLink(endpoint.bridge).index };
  const peer = { name: endpoint.interfaceName, mac: endpoint.mac, namespace: { fd: namespace.fd } };
  try {
    routes.createVeth(near, peer);
  } catch (error) {
    if (!isNetlinkErrno(error, "EEXIST") || !routes.deleteLink(endpoint.hostInterface)) throw error;
    // The pair of this address's last holder: its namespace is gone, and the kernel has not come round to the pair.
    routes.createVeth(near, peer);
  }
  writeNetSetting(`ipv6/conf/${endpoint.hostInterface}/disable_ipv6`, "1");
  // With br_netfilter a container's call to its own published port is turned back within the bridge.
  const hairpin = readNetSetting("bridge/bridge-nf-call-iptables") === "1";
  routes.setLink(endpoint.hostInterface, { up: true, ...(hairpin ? { hairpin } : {}) });
  configure(inside, endpoint);
}

/** Deletes the pair, if it is still there. */
export function unplug(routes: RouteSocket, { hostInterface }: EndpointRecord): boolean {
  return routes.deleteLink(hostInterface);
}

/** Settings of the container's own namespace, as docker makes them. */
function enterNamespace(kernel: Kernel): RouteSocket {
  // Interfaces yet to come have no IPv6; ::1 on lo stays.
  writeNetSetting("ipv6/conf/default/disable_ipv6", "1");
  // The container's users are not root: they may still listen on port 80 and ping.
  writeNetSetting("ipv4/ip_unprivileged_port_start", "0");
  writeNetSetting("ipv4/ping_group_range", "0 2147483647");
  return RouteSocket.open(kernel);
}

function configure(inside: RouteSocket, endpoint: EndpointRecord): void {
  inside.setLink("lo", { up: true });
  const { index } = inside.requireLink(endpoint.interfaceName);
  inside.setLink(index, { up: true });
  inside.addAddress({ linkIndex: index, address: endpoint.address, prefixLength: endpoint.prefixLength });
  if (endpoint.defaultRoute) inside.addDefaultRoute(endpoint.gateway);
}

function namespaceOf(kernel: Kernel, { pid, instanceName, network }: EndpointRecord): NetworkNamespace {
  try {
    return openNetworkNamespace(kernel, `/proc/${pid}/ns/net`);
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ESRCH")) throw error;
    const message = `connecting ${instanceName} to network ${network}: its process ${pid} has ended`;
    throw networkError("SLIPWAY_NETWORK_NAMESPACE_GONE", message, { cause: error });
  }
}
