import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PublishedPort } from "#contracts/service-spec.ts";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { enterPrivateNetwork } from "#kernel/netlink/private-network.ts";
import { openPlatformInterface } from "./platform-interface.ts";
import { type Endpoint, openNetworks, type ProjectNetworks } from "./project-networks.ts";
import { readNetSetting, writeNetSetting } from "./sysctl.ts";
import { PacketProbe, placesIn, startOutsideWorld, temporaryFolder, TestContainer } from "./test-containers.ts";

/**
 * The same promises twice: with br_netfilter (Docker loads it) the kernel hands frames that never leave a bridge to the IP
 * rules, and translation happens within the bridge; without, it does not.
 */
export type BridgedFrames = "unfiltered" | "filtered";

const SWITCH = "bridge/bridge-nf-call-iptables";
/** Seconds to wait for an answer that must not come. */
const BRIEFLY = 1;
const kernel = new LinuxKernel();
const hash = "0123abcd";

interface Connected {
  id: string;
  container: TestContainer;
  endpoint: Endpoint;
}

function port(hostPort: number, containerPort: number): PublishedPort {
  return { hostIp: "0.0.0.0", hostPort, containerPort, protocol: "tcp" };
}

export function describeIsolation(bridgedFrames: BridgedFrames): void {
  const lacks = bridgedFrames === "filtered" && readNetSetting(SWITCH) === undefined;
  const skipped = lacks ? " (skipped: br_netfilter is not loaded)" : "";
  describe.skipIf(lacks)(`networks with bridged frames ${bridgedFrames}${skipped}`, () => {
    promises(bridgedFrames);
  });
}

/** Tests run side by side, so that their seconds of waiting are the same seconds: each has instances and ports of its own. */
function promises(bridgedFrames: BridgedFrames): void {
  const resources = new AsyncDisposableStack();
  let networks: ProjectNetworks;
  let outside: TestContainer;
  let host: TestContainer;

  async function connect(project: string, network: string, internal = false): Promise<Connected> {
    const record = await networks.ensure(project, { name: network, internal, labels: {} });
    const container = resources.use(TestContainer.start(kernel));
    const id = randomBytes(6).toString("hex");
    const identity = { instanceId: id, instanceName: `${project}-web-1`, aliases: [], pid: container.pid };
    const endpoint = await networks.attach({ ...identity, network: record, interfaceName: "eth0" });
    return { id, container, endpoint };
  }

  beforeAll(async () => {
    enterPrivateNetwork(kernel);
    writeNetSetting(SWITCH, bridgedFrames === "filtered" ? "1" : "0");
    const folder = resources.use(await temporaryFolder());
    outside = resources.use(startOutsideWorld(kernel));
    // The worst case: a neighbour that routes our pool to us.
    await outside.try("ip route add 10.83.0.0/16 via 198.51.100.1");
    host = resources.use(TestContainer.host(kernel));
    await host.serve(4222, "messaging");
    await openPlatformInterface({ ...placesIn(folder.path), hash, kernel });
    networks = resources.use(
      await openNetworks({ ...placesIn(folder.path), hash, kernel, signal: AbortSignal.timeout(60_000) }),
    );
  });
  afterAll(() => resources.disposeAsync());

  describe.concurrent("containers of one project", () => {
    it("reach each other, their gateway, and themselves", async () => {
      const one = await connect("shop", "default");
      const two = await connect("shop", "default");
      expect(await one.container.reaches(two.endpoint.address)).toBe(true);
      expect(await one.container.reaches(one.endpoint.gateway)).toBe(true);
      await two.container.serve(80, "hello");
      expect(await one.container.hears(two.endpoint.address, 80)).toBe(`hello ${one.endpoint.address}`);
    });

    it("reach the outside under the host's address", async () => {
      const { container } = await connect("shop", "default");
      await outside.serve(80, "world sees");
      expect(await container.hears("198.51.100.2", 80)).toBe("world sees 198.51.100.1");
    });
  });

  describe.concurrent("containers of two projects", () => {
    it("reach each other neither by ping nor by TCP, nor each other's gateway", async () => {
      const shop = await connect("shop", "default");
      const bank = await connect("bank", "default");
      await bank.container.serve(80, "secret");
      const attempts = [
        shop.container.reaches(bank.endpoint.address, BRIEFLY),
        shop.container.reaches(bank.endpoint.gateway, BRIEFLY),
        shop.container.hears(bank.endpoint.address, 80, BRIEFLY).then((answer) => answer !== "failed"),
      ];
      expect(await Promise.all(attempts)).toEqual([false, false, false]);
      expect(await bank.container.hears("127.0.0.1", 80)).toBe("secret 127.0.0.1");
    });

    it("reach each other by published ports", async () => {
      const shop = await connect("shop", "default");
      const bank = await connect("bank", "default");
      await bank.container.serve(80, "counter");
      await networks.publish(bank.id, [port(8100, 80)], bank.endpoint.address);
      expect(await shop.container.hears("198.51.100.1", 8100)).toBe(`counter ${shop.endpoint.address}`);
    });
  });

  describe.concurrent("an internal network", () => {
    it("lets its containers reach each other and its gateway, and nothing else", async () => {
      const one = await connect("vault", "inside", true);
      const two = await connect("vault", "inside", true);
      expect(await one.container.reaches(two.endpoint.address)).toBe(true);
      expect(await one.container.reaches(one.endpoint.gateway)).toBe(true);
      // What its own root could do with NET_ADMIN: without rules this would be the way out.
      await one.container.try(`ip route add default via ${one.endpoint.gateway}`);
      const ways = ["198.51.100.2", "198.51.100.1"].map((address) => one.container.reaches(address, BRIEFLY));
      expect(await Promise.all(ways)).toEqual([false, false]);
      // Nor one packet that wants no answer.
      using heard = new PacketProbe(kernel, outside, 9001);
      const open = await connect("vault", "front");
      heard.sendFrom(one.container, "198.51.100.2", "from inside");
      heard.sendFrom(open.container, "198.51.100.2", "from the front");
      expect(await heard.until("from the front")).toEqual(["from the front"]);
    });

    it("is not reached from outside, and has no port to publish", async () => {
      const { id, endpoint } = await connect("vault", "inside", true);
      expect(await outside.reaches(endpoint.address, BRIEFLY)).toBe(false);
      await expect(networks.publish(id, [port(8101, 80)], endpoint.address)).rejects.toMatchObject({
        code: "SLIPWAY_NETWORK_NOT_PUBLISHABLE",
      });
    });
  });

  describe.concurrent("the outside", () => {
    it("reaches a published port under its own address, and no port that is not published", async () => {
      const { id, container, endpoint } = await connect("shop", "default");
      await container.serve(80, "open");
      await container.serve(81, "closed");
      await networks.publish(id, [port(8102, 80)], endpoint.address);
      expect(await outside.hears("198.51.100.1", 8102)).toBe("open 198.51.100.2");
      const direct = [outside.hears(endpoint.address, 81, BRIEFLY), outside.hears(endpoint.address, 80, BRIEFLY)];
      expect(await Promise.all(direct)).toEqual(["failed", "failed"]);
      await networks.unpublish(id);
      expect(await outside.hears("198.51.100.1", 8102, BRIEFLY)).toBe("failed");
    });

    it("reaches a published UDP port", async () => {
      const { id, container, endpoint } = await connect("shop", "default");
      await networks.publish(id, [{ ...port(9100, 9003), protocol: "udp" }], endpoint.address);
      using heard = new PacketProbe(kernel, container, 9003);
      heard.sendFrom(outside, "198.51.100.1", "by UDP", 9100);
      expect(await heard.until("by UDP")).toEqual(["by UDP"]);
    });

    it("does not reach a port published on 127.0.0.1 or the messaging address", async () => {
      const { id, container, endpoint } = await connect("shop", "default");
      await container.serve(80, "local");
      await networks.publish(id, [{ ...port(8103, 80), hostIp: "127.0.0.1" }], endpoint.address);
      const attempts = [
        outside.hears("198.51.100.1", 8103, BRIEFLY),
        outside.hears("10.83.0.1", 4222, BRIEFLY),
        outside.reaches("10.83.0.1", BRIEFLY),
      ];
      expect(await Promise.all(attempts)).toEqual(["failed", "failed", false]);
      expect(await host.hears("127.0.0.1", 8103)).toBe(`local ${endpoint.gateway}`);
    });
  });

  describe.concurrent("the host", () => {
    it("reaches every port of a container at its address, as a gateway and a health check do", async () => {
      const { container, endpoint } = await connect("shop", "default");
      const sealed = await connect("vault", "inside", true);
      await container.serve(81, "direct");
      await sealed.container.serve(81, "sealed");
      expect(await host.hears(endpoint.address, 81)).toBe(`direct ${endpoint.gateway}`);
      expect(await host.hears(sealed.endpoint.address, 81)).toBe(`sealed ${sealed.endpoint.gateway}`);
    });

    it("reaches a published port by 127.0.0.1 and by its outer address", async () => {
      const { id, container, endpoint } = await connect("shop", "default");
      await container.serve(80, "shop");
      await networks.publish(id, [port(8104, 80)], endpoint.address);
      expect(await host.hears("127.0.0.1", 8104)).toBe(`shop ${endpoint.gateway}`);
      expect(await host.hears("198.51.100.1", 8104)).toBe("shop 198.51.100.1");
    });

    it("is reached by containers at the messaging address's one port, never by another of its services there", async () => {
      const { container, endpoint } = await connect("shop", "default");
      const sealed = await connect("vault", "inside", true);
      await host.serve(2222, "shell");
      expect(await container.hears("10.83.0.1", 4222)).toBe(`messaging ${endpoint.address}`);
      expect(await host.hears("10.83.0.1", 4222)).toBe("messaging 10.83.0.1");
      const attempts = [
        container.hears("10.83.0.1", 2222, BRIEFLY),
        container.hears(endpoint.gateway, 2222, BRIEFLY),
        sealed.container.hears(sealed.endpoint.gateway, 2222, BRIEFLY),
        sealed.container.hears("198.51.100.1", 2222, BRIEFLY),
      ];
      expect(await Promise.all(attempts)).toEqual(["failed", "failed", "failed", "failed"]);
    });

    it("keeps its loopback to itself although ports are published there", async () => {
      const { container, endpoint } = await connect("shop", "default");
      await host.serve(2223, "private", "127.0.0.1");
      await container.try("ip route del local 127.0.0.0/8 table local; ip addr del 127.0.0.1/8 dev lo");
      await container.try(
        `echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet; ip route add 127.0.0.0/8 via ${endpoint.gateway}`,
      );
      expect(await container.hears("127.0.0.1", 2223, BRIEFLY)).toBe("failed");
      expect(await host.hears("127.0.0.1", 2223)).toBe("private 127.0.0.1");
    });

    it("hears no broadcast or multicast of containers", async () => {
      const { container } = await connect("shop", "default");
      using heard = new PacketProbe(kernel, host, 9002);
      heard.sendFrom(container, "255.255.255.255", "to all");
      heard.sendFrom(container, "224.0.0.1", "to all hosts");
      heard.sendFrom(container, "198.51.100.1", "to the host");
      expect(await heard.until("to the host")).toEqual(["to the host"]);
    });

    it("answers DNS on a container's own gateway", async () => {
      const { container, endpoint } = await connect("shop", "default");
      await host.serve(53, "resolver", endpoint.gateway);
      expect(await container.hears(endpoint.gateway, 53)).toBe(`resolver ${endpoint.address}`);
    });
  });

  describe.concurrent("a container that calls a published port of its own network", () => {
    it("is answered, also by itself", async () => {
      const one = await connect("shop", "default");
      const two = await connect("shop", "default");
      await one.container.serve(80, "again");
      await networks.publish(one.id, [port(8105, 80)], one.endpoint.address);
      expect(await two.container.hears("198.51.100.1", 8105)).toBe(`again ${one.endpoint.gateway}`);
      expect(await one.container.hears("198.51.100.1", 8105)).toBe(`again ${one.endpoint.gateway}`);
      expect(await two.container.hears(one.endpoint.gateway, 8105)).toBe(`again ${one.endpoint.gateway}`);
    });
  });

  describe.concurrent("a container that speaks anything but IPv4", () => {
    it("is not heard: IPv6 of its own making reaches neither its neighbour nor the host", async () => {
      const [one, two] = [await connect("shop", "default"), await connect("shop", "default")];
      const addresses = ["fe80::1", "fe80::2"];
      for (const [index, { container }] of [one, two].entries()) {
        await container.try("echo 0 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6");
        expect(await container.try(`ip -6 addr add ${addresses[index]}/64 dev eth0 nodad && echo added`)).toBe("added");
      }
      const ping = (address: string): string => `busybox ping -6 -c 1 -W 1 ${address}%eth0`;
      expect(await one.container.try(ping("fe80::1"))).not.toBe("failed");
      expect(await one.container.try(ping("fe80::2"))).toBe("failed");
      // All nodes and all routers of the link: the bridge is among them, and has no IPv6.
      expect(await one.container.try(ping("ff02::2"))).toBe("failed");
      expect(await host.try(`ip -6 addr show dev ${one.endpoint.bridge} | grep -c inet6 || true`)).toBe("0");
      expect(await one.container.reaches(two.endpoint.address)).toBe(true);
    });
  });

  describe.concurrent("a container that sends under a false name", () => {
    it("is not heard: neither with its neighbour's address nor with its neighbour's MAC", async () => {
      const liar = await connect("shop", "default");
      const victim = await connect("shop", "default");
      const witness = await connect("shop", "default");
      expect(await liar.container.reaches(witness.endpoint.address)).toBe(true);
      await liar.container.try(`ip addr add ${victim.endpoint.address}/32 dev eth0`);
      const asVictim = `busybox ping -c 1 -W 1 -I ${victim.endpoint.address} ${witness.endpoint.address}`;
      expect(await liar.container.try(asVictim)).toBe("failed");
      expect(await liar.container.reaches(witness.endpoint.address)).toBe(true);
      await liar.container.try(`ip link set eth0 address ${victim.endpoint.mac}`);
      expect(await liar.container.reaches(witness.endpoint.address, BRIEFLY)).toBe(false);
    });

    it("cannot claim the gateway's address by ARP", async () => {
      const liar = await connect("shop", "default");
      const witness = await connect("shop", "default");
      await witness.container.reaches(witness.endpoint.gateway);
      await liar.container.try(`ip addr add ${liar.endpoint.gateway}/32 dev eth0`);
      await liar.container.try(`busybox arping -U -c 2 -I eth0 -s ${liar.endpoint.gateway} ${liar.endpoint.gateway}`);
      const neighbour = await witness.container.try(`ip neigh show ${witness.endpoint.gateway}`);
      expect(neighbour).not.toContain(liar.endpoint.mac);
      expect(await witness.container.reaches("198.51.100.2")).toBe(true);
    });
  });
}
