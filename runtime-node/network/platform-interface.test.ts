import { execFileSync } from "node:child_process";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { enterPrivateNetwork } from "#kernel/netlink/private-network.ts";
import { openPlatformInterface } from "./platform-interface.ts";
import { openNetworks } from "./project-networks.ts";
import { placesIn, temporaryFolder, TestContainer } from "./test-containers.ts";

const kernel = new LinuxKernel();
const hash = "0123abcd";
const show = (command: string): string => execFileSync("sh", ["-c", command], { encoding: "utf8" });
let folder: Awaited<ReturnType<typeof temporaryFolder>>;

beforeAll(() => enterPrivateNetwork(kernel));
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder[Symbol.asyncDispose]());

describe("the platform's interface", () => {
  it("holds the messaging address and is guarded, and is found again by the next process", async () => {
    const request = { ...placesIn(folder.path), hash, kernel };
    const first = await openPlatformInterface(request);
    expect(first).toMatchObject({ name: "sw0123abcdp", address: "10.83.0.1" });
    const second = await openPlatformInterface(request);
    expect(second.address).toBe(first.address);
    expect(show("ip -o -4 addr show dev sw0123abcdp").match(/10\.83\.0\.1\/32/g)).toHaveLength(1);
    expect(show("nft list ruleset")).toContain("ip daddr 10.83.0.1 jump platform_services");
    second.remove();
  });

  it("is on another range than that of a platform which starts at the same moment", async () => {
    await using other = await temporaryFolder();
    const platforms = await Promise.all([
      openPlatformInterface({ ...placesIn(folder.path), hash, kernel }),
      openPlatformInterface({ ...placesIn(other.path), hash: "4567cdef", kernel }),
    ]);
    for (const platform of platforms) platform.remove();
    expect(platforms.map(({ address }) => address).toSorted()).toEqual(["10.83.0.1", "10.84.0.1"]);
  });

  it("removed leaves nothing, and removing it again is nothing to do", async () => {
    const before = show("ip -o link; nft list ruleset");
    const platform = await openPlatformInterface({ ...placesIn(folder.path), hash, kernel });
    platform.remove();
    platform.remove();
    expect(show("ip -o link; nft list ruleset")).toBe(before);
  });

  it("is removed together with bridges, which recovery makes again, but not while a container is connected", async () => {
    const before = show("ip -o link; nft list ruleset");
    await using container = TestContainer.start(kernel);
    const request = { ...placesIn(folder.path), hash, kernel };
    const platform = await openPlatformInterface(request);
    await using networks = await openNetworks({ ...request, signal: AbortSignal.timeout(10_000) });
    const network = await networks.ensure("shop", { name: "default", internal: false, labels: {} });
    const identity = { instanceId: "aaaaaaaaaaaa", instanceName: "shop-web-1", aliases: [], interfaceName: "eth0" };
    await networks.attach({ ...identity, network, pid: container.pid });
    expect(platform.remove()).toBe(false);
    expect(await container.reaches(network.gateway)).toBe(true);
    await networks.detach("aaaaaaaaaaaa");
    expect(platform.remove()).toBe(true);
    expect(show("ip -o link; nft list ruleset")).toBe(before);
    const again = await openPlatformInterface(request);
    expect((await networks.recover([])).mendedBridges).toEqual([network.bridge]);
    again.remove();
  });

  it("settles the pool that networks then come from, and the port that containers reach", async () => {
    const request = { ...placesIn(folder.path), hash, kernel, pool: "10.120.0.0/16", messagingPort: 4777 };
    const platform = await openPlatformInterface(request);
    await using networks = await openNetworks({
      ...placesIn(folder.path),
      hash,
      kernel,
      signal: AbortSignal.timeout(10_000),
    });
    expect(networks.pool.messagingAddress).toBe("10.120.0.1");
    expect(show("nft list ruleset")).toContain("tcp dport 4777 accept");
    platform.remove();
  });

  it("survives the recovery of networks", async () => {
    const platform = await openPlatformInterface({ ...placesIn(folder.path), hash, kernel });
    await using networks = await openNetworks({
      ...placesIn(folder.path),
      hash,
      kernel,
      signal: AbortSignal.timeout(10_000),
    });
    expect((await networks.recover([])).removedLinks).toEqual([]);
    expect(show("ip -o -4 addr")).toContain("10.83.0.1/32");
    platform.remove();
  });
});
