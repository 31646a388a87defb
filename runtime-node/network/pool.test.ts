import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { enterPrivateNetwork } from "#kernel/netlink/private-network.ts";
import { RouteSocket } from "#kernel/netlink/route-socket.ts";
import { settlePool } from "./pool.ts";
import { formatSubnet } from "./subnet.ts";
import { placesIn, temporaryFolder } from "./test-containers.ts";

const kernel = new LinuxKernel();
const hash = "0123abcd";
let folder: Awaited<ReturnType<typeof temporaryFolder>>;

function addRange(name: string, address: string, prefixLength: number): void {
  using routes = RouteSocket.open(kernel);
  if (routes.findLink(name) === undefined) routes.createBridge({ name, up: true });
  routes.addAddress({ linkIndex: routes.requireLink(name).index, address, prefixLength });
}

async function settled(pool?: string): Promise<string> {
  const request = { ...placesIn(folder.path), hash, kernel };
  return formatSubnet((await settlePool(pool === undefined ? request : { ...request, pool })).subnet);
}

beforeAll(() => enterPrivateNetwork(kernel));
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(async () => {
  using routes = RouteSocket.open(kernel);
  for (const { name, kind } of routes.listLinks()) if (kind === "bridge") routes.deleteLink(name);
  await folder[Symbol.asyncDispose]();
});

describe("a platform's address pool", () => {
  it("is 10.83.0.0/16, its first address the one for messaging", async () => {
    const pool = await settlePool({ ...placesIn(folder.path), hash, kernel });
    expect(formatSubnet(pool.subnet)).toBe("10.83.0.0/16");
    expect(pool).toMatchObject({ messagingAddress: "10.83.0.1", messagingPort: 4222 });
  });

  it("avoids the ranges of the machine's other interfaces", async () => {
    addRange("vpn0", "10.83.200.1", 24);
    addRange("vpn1", "10.84.0.1", 15);
    expect(await settled()).toBe("10.86.0.0/16");
  });

  it("does not count a platform's own interfaces against it", async () => {
    addRange(`sw${hash}b1`, "10.83.1.1", 24);
    expect(await settled()).toBe("10.83.0.0/16");
  });

  it("leaves 10.0.0.0/8 altogether when the machine routes all of it", async () => {
    addRange("vpn0", "10.1.2.3", 8);
    expect(await settled()).toBe("172.24.0.0/16");
  });

  it("stays what it was once settled, whatever is asked for later", async () => {
    expect(await settled()).toBe("10.83.0.0/16");
    expect(await settled("10.90.0.0/16")).toBe("10.83.0.0/16");
  });

  it("is another one when something else took it while the platform had no network in it", async () => {
    expect(await settled()).toBe("10.83.0.0/16");
    addRange("other", "10.83.0.1", 32);
    expect(await settled()).toBe("10.84.0.0/16");
    expect(await settled()).toBe("10.84.0.0/16");
  });

  async function haveNetwork(): Promise<void> {
    const network = { name: "shop_default", project: "shop", network: "default", bridge: `sw${hash}b1` };
    const networks = [{ ...network, subnet: "10.83.1.0/24", gateway: "10.83.1.1", internal: false }];
    const leases = [{ bridge: network.bridge, instanceId: "0123456789ab", address: "10.83.1.7" }];
    const state = { version: 1, networks, leases, endpoints: [], publications: [] };
    await writeFile(join(folder.path, "state.json"), JSON.stringify(state));
  }

  it("is another one, and its networks move there, when something else took it and no container is connected", async () => {
    expect(await settled()).toBe("10.83.0.0/16");
    await haveNetwork();
    addRange(`sw${hash}b1`, "10.83.1.1", 24);
    addRange("other", "10.83.0.1", 32);
    expect(await settled()).toBe("10.84.0.0/16");
    expect(JSON.parse(await readFile(join(folder.path, "state.json"), "utf8"))).toMatchObject({
      networks: [{ bridge: `sw${hash}b1`, subnet: "10.84.1.0/24", gateway: "10.84.1.1" }],
      leases: [{ address: "10.84.1.7" }],
    });
    using routes = RouteSocket.open(kernel);
    expect(routes.findLink(`sw${hash}b1`)).toBeUndefined();
  });

  it("is refused when something else took it from containers that are connected", async () => {
    expect(await settled()).toBe("10.83.0.0/16");
    await haveNetwork();
    addRange(`sw${hash}v0107`, "10.83.1.7", 32);
    addRange("other", "10.83.0.1", 32);
    await expect(settled()).rejects.toMatchObject({
      code: "SLIPWAY_NETWORK_POOL_TAKEN",
      message: expect.stringContaining("10.83.0.1/32"),
    });
    expect(JSON.parse(await readFile(join(folder.path, "pool.json"), "utf8"))).toMatchObject({ pool: "10.83.0.0/16" });
  });

  it("is the one asked for", async () => {
    expect(await settled("10.123.0.0/16")).toBe("10.123.0.0/16");
    expect(JSON.parse(await readFile(join(folder.path, "pool.json"), "utf8"))).toMatchObject({ pool: "10.123.0.0/16" });
  });

  it("is refused when it is no /16, or when no usual one is free", async () => {
    for (const pool of ["10.0.0.0/8", "10.83.1.0/16", "10.83.0.0/24", "nonsense"]) {
      await expect(settled(pool)).rejects.toMatchObject({ code: "SLIPWAY_NETWORK_POOL_INVALID" });
    }
    addRange("vpn0", "10.1.2.3", 8);
    addRange("vpn0", "172.16.0.1", 12);
    await expect(settled()).rejects.toMatchObject({
      code: "SLIPWAY_NETWORK_NO_POOL",
      message: expect.stringContaining("172.16.0.0/12"),
    });
  });

  it("is not guessed when its file is damaged", async () => {
    await writeFile(join(folder.path, "pool.json"), '{"version":1,"po');
    await expect(settled()).rejects.toMatchObject({ code: "SLIPWAY_NETWORK_STATE_UNREADABLE" });
  });
});
