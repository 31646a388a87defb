import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { openRouteSocketIn } from "#kernel/netlink/network-namespace.ts";
import { enterPrivateNetwork } from "#kernel/netlink/private-network.ts";
import type { NetworkRecord } from "./network-state.ts";
import { type Endpoint, openNetworks, type ProjectNetworks } from "./project-networks.ts";
import { placesIn, temporaryFolder, TestContainer } from "./test-containers.ts";

const kernel = new LinuxKernel();
const hash = "0123abcd";
/** Deleting an interface waits for every CPU, which an emulated one takes long for. */
const ROUNDS = process.env.SLIPWAY_TEST_VM === undefined ? 200 : 40;
const web = "aaaaaaaaaaaa";
const db = "bbbbbbbbbbbb";
let resources: AsyncDisposableStack;
let directory: string;
let networks: ProjectNetworks;

const sh = (command: string): string => execFileSync("sh", ["-c", command], { encoding: "utf8" });

/** What the machine has, without what only tells whether a bridge has a running port: that follows a little later. */
const machine = (): string =>
  sh("ip -o link; ip -o addr; ip route; nft list ruleset").replaceAll(/NO-CARRIER,|,LOWER_UP|state \w+|linkdown /g, "");
const spec = (name: string, internal = false) => ({ name, internal, labels: {} });
const container = (): TestContainer => resources.use(TestContainer.start(kernel));

function attach(network: NetworkRecord, instanceId: string, pid: number, interfaceName = "eth0"): Promise<Endpoint> {
  return networks.attach({ network, instanceId, instanceName: `shop-${instanceId}`, aliases: ["www"], pid, interfaceName });
}

function routesOf(pid: number): string[] {
  using inside = openRouteSocketIn(kernel, `/proc/${pid}/ns/net`);
  return inside.listRoutes().map((route) => `${route.destination}/${route.prefixLength} ${route.gateway ?? "direct"}`);
}

beforeAll(() => enterPrivateNetwork(kernel));
beforeEach(async () => {
  resources = new AsyncDisposableStack();
  const folder = resources.use(await temporaryFolder());
  directory = join(folder.path, "networks");
  networks = resources.use(
    await openNetworks({ ...placesIn(directory), hash, kernel, signal: AbortSignal.timeout(30_000) }),
  );
  resources.defer(async () => {
    await networks.recover([], []);
    for (const { project, network } of networks.networks().slice()) await networks.remove(project, network);
  });
});
afterEach(() => resources.disposeAsync());

describe("a project's network", () => {
  it("is a bridge with a /24 and a gateway, and the same one when it is asked for again", async () => {
    const record = await networks.ensure("shop", spec("default"));
    expect(record).toEqual({
      name: "shop_default",
      project: "shop",
      network: "default",
      bridge: "sw0123abcdb1",
      subnet: "10.83.1.0/24",
      gateway: "10.83.1.1",
      internal: false,
    });
    const before = machine();
    expect(await networks.ensure("shop", spec("default"))).toEqual(record);
    expect(machine()).toBe(before);
    expect((await networks.ensure("shop", spec("back"))).subnet).toBe("10.83.2.0/24");
    expect((await networks.ensure("bank", spec("default"))).subnet).toBe("10.83.3.0/24");
  });

  it("is not confused with one of another project whose names join to the same", async () => {
    await networks.ensure("a_b", spec("c"));
    await expect(networks.ensure("a", spec("b_c"))).rejects.toMatchObject({
      code: "SLIPWAY_NETWORK_NAME_TAKEN",
      message: "a_b_c cannot be made for project a: network c of project a_b has that name",
    });
    await networks.remove("a", "b_c");
    expect(networks.networks()).toHaveLength(1);
  });

  it("leaves nothing when it is removed, and is removed only when nobody uses it", async () => {
    const before = machine();
    const record = await networks.ensure("shop", spec("default"));
    await attach(record, web, container().pid);
    await expect(networks.remove("shop", "default")).rejects.toMatchObject({
      code: "SLIPWAY_NETWORK_IN_USE",
      message: "network shop_default cannot be removed: shop-aaaaaaaaaaaa are attached to it",
    });
    await networks.detach(web);
    await networks.remove("shop", "default");
    await networks.remove("shop", "default");
    expect(machine()).toBe(before);
    expect(networks.list()).toEqual([]);
  });

  it("becomes internal when it is asked for as such, unless somebody uses it", async () => {
    const record = await networks.ensure("shop", spec("default"));
    await attach(record, web, container().pid);
    await expect(networks.ensure("shop", spec("default", true))).rejects.toMatchObject({ code: "SLIPWAY_NETWORK_IN_USE" });
    await networks.detach(web);
    expect(await networks.ensure("shop", spec("default", true))).toMatchObject({ internal: true });
    expect(networks.networks()).toHaveLength(1);
  });

  it("is made by one of two who ask at once", async () => {
    const [one, two] = await Promise.all([networks.ensure("shop", spec("x")), networks.ensure("shop", spec("x"))]);
    expect(two).toEqual(one);
    expect(networks.networks()).toHaveLength(1);
  });
});

describe("an attached instance", () => {
  it("has its interface up, with address, MAC, routes and no IPv6, and is listed with its aliases", async () => {
    const record = await networks.ensure("shop", spec("default"));
    const { pid } = container();
    const endpoint = await attach(record, web, pid);
    expect(endpoint).toMatchObject({
      address: "10.83.1.2",
      prefixLength: 24,
      gateway: "10.83.1.1",
      mac: "02:53:0a:53:01:02",
      hostInterface: "sw0123abcdv0102",
    });
    const inside = execFileSync("nsenter", [`--net=/proc/${pid}/ns/net`, "ip", "-o", "addr"], { encoding: "utf8" });
    expect(inside).toMatch(/lo\s+inet 127\.0\.0\.1/);
    expect(inside).toMatch(/eth0\s+inet 10\.83\.1\.2\/24/);
    expect(inside).not.toMatch(/eth0\s+inet6/);
    expect(routesOf(pid)).toEqual(["0.0.0.0/0 10.83.1.1", "10.83.1.0/24 direct"]);
    expect(networks.list()).toEqual([
      expect.objectContaining({
        name: "shop_default",
        endpoints: [{ instance: "shop-aaaaaaaaaaaa", ip: "10.83.1.2", aliases: ["www"] }],
      }),
    ]);
  });

  it("has its way out through its first network that is not internal", async () => {
    const { pid } = container();
    await attach(await networks.ensure("shop", spec("inside", true)), web, pid, "eth0");
    await attach(await networks.ensure("shop", spec("front")), web, pid, "eth1");
    await attach(await networks.ensure("shop", spec("back")), web, pid, "eth2");
    const defaults = routesOf(pid).filter((route) => route.startsWith("0.0.0.0/0"));
    expect(defaults).toEqual(["0.0.0.0/0 10.83.2.1"]);
  });

  it("comes back under its address and MAC, until its address is released", async () => {
    const record = await networks.ensure("shop", spec("default"));
    const first = await attach(record, web, container().pid);
    await networks.detach(web);
    await networks.detach(web);
    expect((await attach(record, db, container().pid)).address).toBe("10.83.1.3");
    expect(await attach(record, web, container().pid)).toMatchObject({ address: first.address, mac: first.mac });
    await networks.detach(web);
    await networks.releaseAddress(web);
    expect((await attach(record, web, container().pid)).address).toBe("10.83.1.4");
  });

  it("is moved to its new process when it is attached again while the old interface is still there", async () => {
    const record = await networks.ensure("shop", spec("default"));
    const old = container();
    await attach(record, web, old.pid);
    const { pid } = container();
    await attach(record, web, pid);
    expect(routesOf(old.pid)).toEqual([]);
    expect(routesOf(pid)).toHaveLength(2);
    expect(networks.endpoints("shop_default")).toHaveLength(1);
  });
});

describe("an attach that fails", () => {
  it("for a process that has ended says so and leaves nothing", async () => {
    const record = await networks.ensure("shop", spec("default"));
    const before = machine();
    const ended = TestContainer.start(kernel);
    await ended[Symbol.asyncDispose]();
    await expect(attach(record, web, ended.pid)).rejects.toMatchObject({ code: "SLIPWAY_NETWORK_NAMESPACE_GONE" });
    expect(machine()).toBe(before);
    expect(networks.endpoints()).toEqual([]);
    expect((await attach(record, db, container().pid)).address).toBe("10.83.1.2");
  });

  it("because the interface's name is taken leaves nothing, and names what failed", async () => {
    const record = await networks.ensure("shop", spec("default"));
    const other = await networks.ensure("shop", spec("back"));
    const { pid } = container();
    await attach(record, web, pid);
    const before = machine();
    await expect(attach(other, web, pid)).rejects.toMatchObject({
      code: "SLIPWAY_NETWORK_SETUP_FAILED",
      message: expect.stringContaining("connecting shop-aaaaaaaaaaaa to network shop_back failed: create veth"),
    });
    expect(machine()).toBe(before);
  });

  it("because the state cannot be written leaves nothing", async () => {
    const record = await networks.ensure("shop", spec("default"));
    const before = machine();
    const state = join(directory, "run/networks.json");
    await rm(state);
    await mkdir(state);
    await expect(attach(record, web, container().pid)).rejects.toMatchObject({ code: "EISDIR" });
    await rm(state, { recursive: true });
    expect(machine()).toBe(before);
    expect((await attach(record, web, container().pid)).address).toBe("10.83.1.2");
  });

  it("to a network that is not there names those that are", async () => {
    const record = await networks.ensure("shop", spec("default"));
    await expect(attach({ ...record, name: "shop_other" }, web, 1)).rejects.toMatchObject({
      code: "SLIPWAY_NETWORK_NOT_FOUND",
      message: "there is no network shop_other on this node; there are: shop_default",
    });
  });
});

describe("published ports", () => {
  it("are the same when they are asked for again, others when others are, and gone when they are unpublished", async () => {
    const { address } = await attach(await networks.ensure("shop", spec("default")), web, container().pid);
    const any = { hostIp: "0.0.0.0", hostPort: 0, containerPort: 80, protocol: "tcp" as const };
    const [first] = await networks.publish(web, [any], address);
    expect(first?.hostPort).toBeGreaterThan(1023);
    expect(await networks.publish(web, [any], address)).toEqual([first]);
    const udp = { ...any, hostPort: 5300, protocol: "udp" as const };
    expect(await networks.publish(web, [udp], address)).toMatchObject([{ hostPort: 5300, protocol: "udp" }]);
    expect(networks.publications()).toHaveLength(1);
    await networks.unpublish(web);
    await networks.unpublish(web);
    expect(networks.publications()).toEqual([]);
    expect(machine()).not.toContain("5300");
  });

  it("are refused where the platform itself must listen, but not on an address of their own", async () => {
    const { address } = await attach(await networks.ensure("shop", spec("default")), web, container().pid);
    for (const hostPort of [53, 4222]) {
      const port = { hostIp: "0.0.0.0", hostPort, containerPort: 80, protocol: "tcp" as const };
      await expect(networks.publish(web, [port], address)).rejects.toMatchObject({
        code: "SLIPWAY_NETWORK_PORT_IN_USE",
        message: expect.stringContaining("Slipway's"),
      });
      expect(await networks.publish(web, [{ ...port, hostIp: "127.0.0.1" }], address)).toHaveLength(1);
    }
  });

  it("stay as they were for the others when one is refused", async () => {
    const record = await networks.ensure("shop", spec("default"));
    const one = await attach(record, web, container().pid);
    const two = await attach(record, db, container().pid);
    const port = { hostIp: "0.0.0.0", hostPort: 8080, containerPort: 80, protocol: "tcp" as const };
    await networks.publish(web, [port], one.address);
    await expect(networks.publish(db, [{ ...port, hostPort: 8081 }, port], two.address)).rejects.toMatchObject({
      code: "SLIPWAY_NETWORK_PORT_IN_USE",
    });
    expect(networks.publications()).toMatchObject([{ instanceId: web, hostPort: 8080 }]);
    expect(machine()).not.toContain("8081");
  });
});

describe(`${ROUNDS} attaches and detaches`, () => {
  it("leave no link, address, rule, fd or line of state", async () => {
    const record = await networks.ensure("shop", spec("default"));
    const { pid } = container();
    const before = { machine: machine(), fds: readdirSync("/proc/self/fd").length };
    const state = await readFile(join(directory, "run/networks.json"), "utf8");
    for (let round = 0; round < ROUNDS; round++) {
      const { address } = await attach(record, web, pid);
      if (round % 20 === 0) {
        await networks.publish(web, [{ hostIp: "0.0.0.0", hostPort: 8080, containerPort: 80, protocol: "tcp" }], address);
        await networks.unpublish(web);
      }
      await networks.detach(web);
      if (round % 10 === 9) await networks.releaseAddress(web);
    }
    // The disk's copy may be under way.
    await expect.poll(() => ({ machine: machine(), fds: readdirSync("/proc/self/fd").length })).toEqual(before);
    expect(await readFile(join(directory, "run/networks.json"), "utf8")).toBe(state);
  }, 90_000);
});
