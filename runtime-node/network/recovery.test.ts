import { execFileSync } from "node:child_process";
import { createServer } from "node:net";
import { once } from "node:events";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { enterPrivateNetwork } from "#kernel/netlink/private-network.ts";
import { openNetworks, type ProjectNetworks } from "./project-networks.ts";
import { placesIn, temporaryFolder, TestContainer } from "./test-containers.ts";

const kernel = new LinuxKernel();
const hash = "0123abcd";
const web = "aaaaaaaaaaaa";
const db = "bbbbbbbbbbbb";
let resources: AsyncDisposableStack;
let directory: string;
let networks: ProjectNetworks;
let one: TestContainer;
let two: TestContainer;

const sh = (command: string): string => execFileSync("sh", ["-c", command], { encoding: "utf8" });
const machine = (): string => sh("ip -o link; ip -o addr; ip route; nft -a list ruleset");
const running = () => [
  { instanceId: web, pid: one.pid },
  { instanceId: db, pid: two.pid },
];
const port = { hostIp: "0.0.0.0", hostPort: 8080, containerPort: 80, protocol: "tcp" as const };

/** The agent's end and its next start: nothing of the old object is left but what it wrote and made. */
async function restart(): Promise<void> {
  await networks[Symbol.asyncDispose]();
  networks = await openNetworks({ ...placesIn(directory), hash, kernel, signal: AbortSignal.timeout(30_000) });
}

beforeAll(() => enterPrivateNetwork(kernel));
beforeEach(async () => {
  resources = new AsyncDisposableStack();
  directory = resources.use(await temporaryFolder()).path;
  one = resources.use(TestContainer.start(kernel));
  two = resources.use(TestContainer.start(kernel));
  networks = await openNetworks({ ...placesIn(directory), hash, kernel, signal: AbortSignal.timeout(30_000) });
  const network = await networks.ensure("shop", { name: "default", internal: false, labels: {} });
  const identity = { network, aliases: [], interfaceName: "eth0" };
  const { address } = await networks.attach({ ...identity, instanceId: web, instanceName: "shop-web-1", pid: one.pid });
  await networks.attach({ ...identity, instanceId: db, instanceName: "shop-db-1", pid: two.pid });
  await networks.publish(web, [port], address);
});
afterEach(async () => {
  await networks.recover([], []);
  await networks.remove("shop", "default");
  await networks[Symbol.asyncDispose]();
  await resources.disposeAsync();
});

describe("recovery after an agent's end", () => {
  it("disturbs nothing that is right: not a link, address, rule or element is touched", async () => {
    const before = machine();
    const endpoints = [...networks.endpoints()];
    await restart();
    const report = await networks.recover(running(), [web, db]);
    const nothing = { removedLinks: [], mendedBridges: [], mendedEndpoints: [], firewall: "kept", problems: [] };
    expect(report).toEqual(nothing);
    expect(machine()).toBe(before);
    expect(networks.endpoints()).toEqual(endpoints);
  });

  it("keeps a connection between containers open", async () => {
    await two.serve(80, "again");
    const held = one.try("(sleep 0.5; echo) | busybox nc -w 3 10.83.1.3 80");
    await restart();
    await networks.recover(running());
    expect(await held).toBe("again 10.83.1.2");
  });

  it("clears away an instance that ended meanwhile, but keeps its address while it is assigned", async () => {
    await one[Symbol.asyncDispose]();
    await restart();
    await networks.recover([{ instanceId: db, pid: two.pid }], [web, db]);
    expect(networks.endpoints().map((endpoint) => endpoint.instanceId)).toEqual([db]);
    expect(networks.publications()).toEqual([]);
    expect(machine()).not.toMatch(/0102|8080/);
    const again = resources.use(TestContainer.start(kernel));
    const [network] = networks.networks();
    if (network === undefined) throw new Error("the network is gone");
    const identity = { network, aliases: [], interfaceName: "eth0", instanceName: "shop-web-1" };
    expect((await networks.attach({ ...identity, instanceId: web, pid: again.pid })).address).toBe("10.83.1.2");
  });

  it("gives up the address of an instance that is no longer assigned", async () => {
    await restart();
    await networks.recover([], [db]);
    await networks.recover([], []);
    const [network] = networks.networks();
    if (network === undefined) throw new Error("the network is gone");
    const identity = { network, aliases: [], interfaceName: "eth1", instanceName: "shop-new-1" };
    expect((await networks.attach({ ...identity, instanceId: "cccccccccccc", pid: one.pid })).address).toBe("10.83.1.2");
  });

  it("removes interfaces of ours that belong to nobody, and no others", async () => {
    sh(
      "ip link add sw0123abcdv0909 type veth peer name peer; ip link add sw0123abcdb9 type bridge; ip link add swffffffffb1 type bridge",
    );
    await restart();
    const { removedLinks } = await networks.recover(running());
    expect(removedLinks.toSorted()).toEqual(["sw0123abcdb9", "sw0123abcdv0909"]);
    expect(sh("ip -o link")).toContain("swffffffffb1");
    sh("ip link del swffffffffb1");
  });
});

describe("recovery of what somebody deleted", () => {
  it("makes the bridge again with its containers on it", async () => {
    sh("ip link del sw0123abcdb1");
    const { mendedBridges, mendedEndpoints } = await networks.recover(running());
    expect(mendedBridges).toEqual(["sw0123abcdb1"]);
    expect(mendedEndpoints).toEqual(["shop-web-1@shop_default", "shop-db-1@shop_default"]);
    expect(await one.reaches("10.83.1.3")).toBe(true);
    expect(await one.reaches("10.83.1.1")).toBe(true);
  });

  it("gives a running container its interface back, under its old address", async () => {
    sh("ip link del sw0123abcdv0102");
    const { mendedEndpoints } = await networks.recover(running());
    expect(mendedEndpoints).toEqual(["shop-web-1@shop_default"]);
    expect(await one.try("ip -o -4 addr show dev eth0")).toContain("10.83.1.2/24");
    expect(await one.reaches("10.83.1.3")).toBe(true);
  });

  it("sets the firewall right", async () => {
    const before = sh("nft list ruleset");
    sh("nft flush ruleset");
    expect((await networks.recover(running())).firewall).toBe("made");
    expect(sh("nft list ruleset")).toBe(before);
    sh("nft flush set ip slipway_0123abcd bridges; nft add element ip slipway_0123abcd internal { intruder }");
    expect((await networks.recover(running())).firewall).toBe("changed");
    expect(sh("nft list ruleset")).toBe(before);
  });

  it("sets an address and a link's state right", async () => {
    sh("ip addr del 10.83.1.1/24 dev sw0123abcdb1; ip link set sw0123abcdb1 down; ip link set sw0123abcdv0103 down");
    const { mendedBridges, mendedEndpoints } = await networks.recover(running());
    expect(mendedBridges).toEqual(["sw0123abcdb1"]);
    expect(mendedEndpoints).toEqual(["shop-db-1@shop_default"]);
    expect(await one.reaches("10.83.1.1")).toBe(true);
    expect(await one.reaches("10.83.1.3")).toBe(true);
  });
});

describe("recovery of a published port", () => {
  it("holds it again", async () => {
    await restart();
    await networks.recover(running());
    const server = createServer().listen(8080);
    await expect(once(server, "listening")).rejects.toMatchObject({ code: "EADDRINUSE" });
  });

  it("that a process took meanwhile says who, and leaves the container its traffic", async () => {
    await one.serve(80, "still");
    await networks[Symbol.asyncDispose]();
    const thief = createServer().listen(8080, "0.0.0.0");
    await once(thief, "listening");
    await restart();
    const { problems } = await networks.recover(running());
    expect(problems).toMatchObject([{ code: "SLIPWAY_NETWORK_PORT_IN_USE" }]);
    expect(problems[0]?.message).toContain(`process ${process.pid} (`);
    await using host = TestContainer.host(kernel);
    expect(await host.hears("127.0.0.1", 8080)).toBe("still 10.83.1.1");
    await thief[Symbol.asyncDispose]();
  });
});
