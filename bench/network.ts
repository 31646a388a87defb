import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { createNetworkNamespace, openRouteSocketIn } from "#kernel/netlink/network-namespace.ts";
import { RouteSocket } from "#kernel/netlink/route-socket.ts";
import { type Bench, OURS } from "./harness/bench.ts";
import { contest } from "./harness/contest.ts";
import { netavark } from "./network/netavark.ts";
import { run } from "./peers/command.ts";

const ROUNDS = 60;
const NAMESPACE = "slwbench";

export const bench: Bench = {
  title: "Network of a container, made and removed",
  method:
    "A network namespace, a veth pair on a bridge, an address, a default route, and the end of the namespace, which takes the pair along: by rtnetlink from JavaScript, by the seven calls of " +
    "ip(8) that do the same, and by netavark (which also writes iptables rules).",
  targets: [{ kind: "advantage", metric: "p50Ms", over: "ip(8)", atLeast: 20 }],
  async measure(context) {
    const kernel = new LinuxKernel();
    using routes = RouteSocket.open(kernel);
    routes.createBridge({ name: "bench0", up: true });
    let count = 0;
    return await contest(
      context,
      [
        { name: OURS, once: async () => byNetlink(kernel, routes, `v${++count}`) },
        { name: "ip(8)", once: () => byIp(`v${++count}`) },
        { name: "netavark", once: () => netavark(context.folder) },
      ],
      { rounds: ROUNDS },
    );
  },
};

function byNetlink(kernel: LinuxKernel, routes: RouteSocket, name: string): void {
  using namespace = createNetworkNamespace(kernel);
  const master = routes.requireLink("bench0").index;
  routes.createVeth({ name, up: true, master }, { name: "eth0", namespace: { fd: namespace.fd } });
  using inside = openRouteSocketIn(kernel, namespace.fd);
  const { index } = inside.requireLink("eth0");
  inside.setLink("lo", { up: true });
  inside.setLink(index, { up: true });
  inside.addAddress({ linkIndex: index, address: "10.83.1.2", prefixLength: 24 });
  inside.addDefaultRoute("10.83.1.1");
}

async function byIp(name: string): Promise<void> {
  const ip = (...args: string[]): Promise<string> => run("ip", args);
  await ip("netns", "add", NAMESPACE);
  await ip("link", "add", name, "master", "bench0", "up", "type", "veth", "peer", "name", "eth0", "netns", NAMESPACE);
  await ip("-n", NAMESPACE, "link", "set", "lo", "up");
  await ip("-n", NAMESPACE, "link", "set", "eth0", "up");
  await ip("-n", NAMESPACE, "addr", "add", "10.83.1.2/24", "dev", "eth0");
  await ip("-n", NAMESPACE, "route", "add", "default", "via", "10.83.1.1");
  await ip("netns", "del", NAMESPACE);
}
