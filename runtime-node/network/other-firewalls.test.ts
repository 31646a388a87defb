import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { enterPrivateNetwork } from "#kernel/netlink/private-network.ts";
import { openPlatformInterface } from "./platform-interface.ts";
import { type Endpoint, openNetworks, type ProjectNetworks } from "./project-networks.ts";
import { writeNetSetting } from "./sysctl.ts";
import { startOutsideWorld, temporaryFolder, TestContainer } from "./test-containers.ts";
import { firewallAdvice, hasFirewalld, hasUfw, type OtherFirewall, startFirewalld, startUfw } from "./test-firewalls.ts";

const BRIDGED_FRAMES = "bridge/bridge-nf-call-iptables";
/** Seconds to wait for an answer, which comes at once or not at all; an emulated processor takes longer. */
const BRIEFLY = process.env.SLIPWAY_TEST_VM === undefined ? 2 : 10;
const PUBLISHED = 8300;
const kernel = new LinuxKernel();
const hash = "0123abcd";

/** A machine with a firewall of its administrator's, and two containers of ours on a network. */
class Machine implements AsyncDisposable {
  readonly #resources = new AsyncDisposableStack();
  firewall!: OtherFirewall;
  /** Of the firewall, before anything of ours was there. */
  rulesBefore!: string;
  networks!: ProjectNetworks;
  #outside!: TestContainer;
  #host!: TestContainer;
  #client!: TestContainer;
  #endpoint!: Endpoint;

  async start(startFirewall: (folder: string) => Promise<OtherFirewall>): Promise<void> {
    enterPrivateNetwork(kernel);
    writeNetSetting(BRIDGED_FRAMES, "0");
    const folder = this.#resources.use(await temporaryFolder());
    this.#outside = this.#resources.use(startOutsideWorld(kernel));
    this.#host = this.#resources.use(TestContainer.host(kernel));
    this.firewall = this.#resources.use(await startFirewall(folder.path));
    this.rulesBefore = this.firewall.rules();
    const platform = await openPlatformInterface({ directory: folder.path, runFolder: folder.path, hash, kernel });
    this.#resources.defer(() => void platform.remove());
    const open = { directory: folder.path, runFolder: folder.path, hash, kernel, signal: AbortSignal.timeout(120_000) };
    this.networks = this.#resources.use(await openNetworks(open));
    const network = await this.networks.ensure("shop", { name: "default", internal: false, labels: {} });
    const web = this.#resources.use(TestContainer.start(kernel));
    this.#client = this.#resources.use(TestContainer.start(kernel));
    const identity = { instanceName: "shop-web-1", aliases: [], network, interfaceName: "eth0" };
    this.#endpoint = await this.networks.attach({ ...identity, instanceId: "aaaaaaaaaaaa", pid: web.pid });
    await this.networks.attach({ ...identity, instanceId: "bbbbbbbbbbbb", pid: this.#client.pid });
    const ports = [{ hostIp: "0.0.0.0", hostPort: PUBLISHED, containerPort: 80, protocol: "tcp" as const }];
    await this.networks.publish("aaaaaaaaaaaa", ports, this.#endpoint.address);
    await web.serve(80, "web");
    await this.#outside.serve(80, "world");
    await this.#host.serve(53, "resolver", this.#endpoint.gateway);
    await this.#host.serve(4222, "messaging", "10.83.0.1");
  }

  /** All ways that containers need, each asked once. */
  async ways() {
    const hears = async (from: TestContainer, address: string, port: number): Promise<boolean> =>
      (await from.hears(address, port, BRIEFLY)) !== "failed";
    const { address, gateway } = this.#endpoint;
    const [eachOther, fromHost, publishedHere, publishedOutside, outside, names, messaging] = await Promise.all([
      hears(this.#client, address, 80),
      hears(this.#host, address, 80),
      hears(this.#host, "127.0.0.1", PUBLISHED),
      hears(this.#outside, "198.51.100.1", PUBLISHED),
      hears(this.#client, "198.51.100.2", 80),
      hears(this.#client, gateway, 53),
      hears(this.#client, "10.83.0.1", 4222),
    ]);
    return { eachOther, fromHost, publishedHere, publishedOutside, outside, names, messaging };
  }

  /** Removes what of ours the firewall could have seen. */
  async removeAll(): Promise<void> {
    for (const id of ["aaaaaaaaaaaa", "bbbbbbbbbbbb"]) await this.networks.detach(id);
    await this.networks.remove("shop", "default");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

const EVERY_WAY = {
  eachOther: true,
  fromHost: true,
  publishedHere: true,
  publishedOutside: true,
  outside: true,
  names: true,
  messaging: true,
};

describe.skipIf(!hasUfw)(`beside ufw with its defaults${hasUfw ? "" : " (skipped: there is no ufw)"}`, () => {
  const machine = new Machine();
  beforeAll(() => machine.start(startUfw));
  afterAll(() => machine[Symbol.asyncDispose]());
  const closed = { publishedOutside: false, outside: false, names: false, messaging: false };

  it("the gateway and this machine reach containers, which reach each other; the rest is closed, as doctor says", async () => {
    expect(await machine.ways()).toEqual({ ...EVERY_WAY, ...closed });
    const { check } = firewallAdvice(kernel, hash, "ufw");
    expect(check).toMatchObject({ verdict: "limited", found: expect.stringContaining("ip filter FORWARD refuses") });
    expect(check.means).toContain("reach nothing outside, and nothing outside reaches published ports");
    expect(check.means).toContain("neither DNS (port 53 of their gateway) nor messaging");
  });

  it("where br_netfilter is at work containers do not reach each other either, and doctor says that too", async ({
    skip,
  }) => {
    skip(!writeNetSetting(BRIDGED_FRAMES, "1"), "br_netfilter is not loaded");
    expect(await machine.ways()).toEqual({ ...EVERY_WAY, ...closed, eachOther: false });
    expect(firewallAdvice(kernel, hash, "ufw").check.means).toContain("reach neither each other nor anything outside");
  });

  it("no rule of it is changed by us", () => {
    expect(machine.firewall.rules()).toBe(machine.rulesBefore);
  });

  it("what lets packets in to this machine lets none through, and doctor goes on to say so", () => {
    const { commands } = firewallAdvice(kernel, hash, "ufw allow");
    for (const command of commands) machine.firewall.run(command);
    const { check } = firewallAdvice(kernel, hash, "ufw");
    expect(check).toMatchObject({ verdict: "limited", means: expect.not.stringContaining("DNS") });
  });

  it("doctor's remedy opens every way, and contents doctor", async () => {
    const { commands } = firewallAdvice(kernel, hash, "ufw");
    expect(commands).toEqual(["ufw route allow in on sw0123abcd+", "ufw route allow out on sw0123abcd+"]);
    for (const command of commands) machine.firewall.run(command);
    expect(await machine.ways()).toEqual(EVERY_WAY);
    expect(firewallAdvice(kernel, hash, "ufw").check.verdict).toBe("ok");
  });

  it("its reload keeps every way open, and our end leaves its rules as they were", async () => {
    machine.firewall.run("ufw reload");
    expect(await machine.ways()).toEqual(EVERY_WAY);
    const rules = machine.firewall.rules();
    await machine.removeAll();
    expect(machine.firewall.rules()).toBe(rules);
  });
});

describe.skipIf(!hasFirewalld)(
  `beside firewalld with its defaults${hasFirewalld ? "" : " (skipped: there is no firewalld)"}`,
  () => {
    const machine = new Machine();
    beforeAll(() => machine.start(startFirewalld));
    afterAll(() => machine[Symbol.asyncDispose]());
    const closed = { outside: false, names: false, messaging: false };

    it("published ports, the gateway's way and that to each other are open; the rest is closed, as doctor says", async () => {
      expect(await machine.ways()).toEqual({ ...EVERY_WAY, ...closed });
      const { check } = firewallAdvice(kernel, hash, "firewall-cmd");
      expect(check).toMatchObject({ verdict: "limited", found: expect.stringContaining("inet firewalld filter_FORWARD") });
      expect(check.means).toContain("reach nothing outside; published ports are reached");
      expect(check.means).toContain("neither DNS (port 53 of their gateway) nor messaging");
    });

    it("where br_netfilter is at work containers do not reach each other, and doctor says that too", async ({ skip }) => {
      skip(!writeNetSetting(BRIDGED_FRAMES, "1"), "br_netfilter is not loaded");
      expect(await machine.ways()).toEqual({ ...EVERY_WAY, ...closed, eachOther: false });
      const { check } = firewallAdvice(kernel, hash, "firewall-cmd");
      expect(check.means).toContain("reach neither each other nor anything outside");
    });

    it("no rule of it is changed by us", () => {
      expect(machine.firewall.rules()).toBe(machine.rulesBefore);
    });

    it("doctor's remedy opens every way, and contents doctor; our end leaves its rules as they were", async () => {
      const { commands } = firewallAdvice(kernel, hash, "firewall-cmd");
      expect(commands).toEqual([
        "firewall-cmd --permanent --zone=trusted --add-interface=sw0123abcd+",
        "firewall-cmd --reload",
      ]);
      for (const command of commands) machine.firewall.run(command);
      expect(await machine.ways()).toEqual(EVERY_WAY);
      expect(firewallAdvice(kernel, hash, "firewall-cmd").check.verdict).toBe("ok");
      const rules = machine.firewall.rules();
      await machine.removeAll();
      expect(machine.firewall.rules()).toBe(rules);
    });
  },
);
