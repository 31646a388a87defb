/**
 * The network of a container, made: a network namespace, a veth pair on a bridge, an address, a default route. By rtnetlink from
 * JavaScript, beside ip(8) doing the same. Everything happens in a private namespace. Run as root: `node bench/network.ts [rounds]`.
 */
import { execFileSync } from "node:child_process";
import { cpus } from "node:os";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { createNetworkNamespace, openRouteSocketIn } from "#kernel/netlink/network-namespace.ts";
import { enterPrivateNetwork } from "#kernel/netlink/private-network.ts";
import { RouteSocket } from "#kernel/netlink/route-socket.ts";

const rounds = Number(process.argv[2] ?? 50);
const kernel = new LinuxKernel();

function byNetlink(routes: RouteSocket): void {
  using namespace = createNetworkNamespace(kernel);
  const master = routes.requireLink("bench0").index;
  routes.createVeth({ name: "veth0", up: true, master }, { name: "eth0", namespace: { fd: namespace.fd } });
  using inside = openRouteSocketIn(kernel, namespace.fd);
  const { index } = inside.requireLink("eth0");
  inside.setLink("lo", { up: true });
  inside.setLink(index, { up: true });
  inside.addAddress({ linkIndex: index, address: "10.83.1.2", prefixLength: 24 });
  inside.addDefaultRoute("10.83.1.1");
}

function byIp(): void {
  const ip = (...args: string[]): void => void execFileSync("ip", args);
  ip("netns", "add", "slipwaybench");
  ip("link", "add", "veth0", "master", "bench0", "up", "type", "veth", "peer", "name", "eth0", "netns", "slipwaybench");
  ip("-n", "slipwaybench", "link", "set", "lo", "up");
  ip("-n", "slipwaybench", "link", "set", "eth0", "up");
  ip("-n", "slipwaybench", "addr", "add", "10.83.1.2/24", "dev", "eth0");
  ip("-n", "slipwaybench", "route", "add", "default", "via", "10.83.1.1");
}

/** Milliseconds of each round, sorted. Taking down is not counted. */
function measure(make: () => void, remove: () => void): number[] {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    make();
    times.push(performance.now() - start);
    remove();
  }
  return times.toSorted((a, b) => a - b);
}

function describe(name: string, times: number[]): string {
  const at = (share: number): string => (times[Math.floor((times.length - 1) * share)] ?? 0).toFixed(2);
  return `${name.padEnd(24)} p50 ${at(0.5)} ms   p99 ${at(0.99)} ms   (${times.length} rounds)`;
}

enterPrivateNetwork(kernel);
using routes = RouteSocket.open(kernel);
routes.createBridge({ name: "bench0", up: true });
const unplug = (): unknown => routes.deleteLink("veth0");
const ours = measure(() => byNetlink(routes), unplug);
const theirs = measure(byIp, () => {
  unplug();
  execFileSync("ip", ["netns", "del", "slipwaybench"]);
});
console.log(
  `${cpus()[0]?.model ?? "unknown CPU"}, ${cpus().length} CPUs, Linux ${execFileSync("uname", ["-r"]).toString().trim()}`,
);
console.log(describe("rtnetlink from JavaScript", ours));
console.log(describe("ip(8)", theirs));
const median = (times: number[]): number => times[times.length >> 1] ?? Number.NaN;
console.log(`ratio of the medians: ${(median(theirs) / median(ours)).toFixed(0)}`);
