import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { access, constants } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { enterPrivateNetwork } from "#kernel/netlink/private-network.ts";
import { diagnoseForwarding } from "./diagnose-forwarding.ts";
import { openPlatformInterface } from "./platform-interface.ts";
import { openNetworks, type ProjectNetworks } from "./project-networks.ts";
import { writeNetSetting } from "./sysctl.ts";
import { placesIn, startOutsideWorld, temporaryFolder, TestContainer } from "./test-containers.ts";

const DOCKERD = "/usr/sbin/dockerd";
const kernel = new LinuxKernel();
const hash = "0123abcd";
const hasDocker = await access(DOCKERD, constants.X_OK).then(
  () => true,
  () => false,
);

/** Docker's engine in this thread's network namespace, with everything else of its own in a folder. Resolves when it serves. */
async function startDocker(folder: string): Promise<ChildProcess> {
  const own = ["--data-root", "--exec-root", "--pidfile"].flatMap((flag) => [flag, join(folder, flag.slice(2))]);
  const args = [
    "-m",
    "--propagation",
    "private",
    DOCKERD,
    ...own,
    "-H",
    `unix://${folder}/docker.sock`,
    "--storage-driver",
    "vfs",
  ];
  const docker = spawn("unshare", args, { stdio: ["ignore", "ignore", "pipe"] });
  const said: string[] = [];
  for await (const line of createInterface(docker.stderr)) {
    said.push(line);
    if (line.includes("API listen on")) {
      docker.stderr.resume();
      return docker;
    }
  }
  throw new Error(`dockerd ended: ${said.slice(-5).join("\n")}`);
}

describe.skipIf(!hasDocker)(`beside Docker's engine${hasDocker ? "" : " (skipped: there is no dockerd)"}`, () => {
  const resources = new AsyncDisposableStack();
  let networks: ProjectNetworks;
  let outside: TestContainer;

  beforeAll(async () => {
    enterPrivateNetwork(kernel);
    const folder = resources.use(await temporaryFolder());
    outside = resources.use(startOutsideWorld(kernel));
    // It drops by default only where it was the one to turn forwarding on.
    writeNetSetting("ipv4/ip_forward", "0");
    const docker = await startDocker(folder.path);
    resources.defer(async () => {
      docker.kill("SIGTERM");
      await once(docker, "exit");
    });
    const platform = await openPlatformInterface({ ...placesIn(folder.path), hash, kernel });
    resources.defer(() => void platform.remove());
    networks = resources.use(
      await openNetworks({ ...placesIn(folder.path), hash, kernel, signal: AbortSignal.timeout(60_000) }),
    );
  }, 120_000);
  afterAll(() => resources.disposeAsync());

  const forwardPolicy = (): string => execFileSync("iptables", ["-S", "FORWARD"], { encoding: "utf8" }).split("\n")[0]!;

  it("containers reach out and published ports are reached, although its FORWARD chain drops", async () => {
    expect(forwardPolicy()).toBe("-P FORWARD DROP");
    const network = await networks.ensure("shop", { name: "default", internal: false, labels: {} });
    await using container = TestContainer.start(kernel);
    const who = { instanceId: "aaaaaaaaaaaa", instanceName: "shop-web-1", aliases: [], pid: container.pid };
    const endpoint = await networks.attach({ ...who, network, interfaceName: "eth0" });
    await outside.serve(80, "world sees");
    expect(await container.hears("198.51.100.2", 80)).toBe("world sees 198.51.100.1");
    await container.serve(80, "open");
    const ports = [{ hostIp: "0.0.0.0", hostPort: 8200, containerPort: 80, protocol: "tcp" as const }];
    await networks.publish(who.instanceId, ports, endpoint.address);
    expect(await outside.hears("198.51.100.1", 8200)).toBe("open 198.51.100.2");
    await networks.detach(who.instanceId);
  });

  it("its address ranges are left to it", () => {
    expect(networks.networks().map(({ subnet }) => subnet)).toEqual([expect.stringMatching(/^10\.83\./)]);
    expect(execFileSync("ip", ["-br", "addr", "show", "docker0"], { encoding: "utf8" })).toContain("172.17.0.1/16");
  });

  it("doctor says that it is there and lived with", () => {
    const check = diagnoseForwarding(kernel, hash).find(({ id }) => id === "network.firewall");
    expect(check).toMatchObject({
      verdict: "ok",
      found: expect.stringContaining(
        "ip filter FORWARD refuses what it does not know (forward), and has rules for our interfaces",
      ),
    });
  });

  it("the last network takes our rules with it, and the rest is as Docker made it", async () => {
    const rules = (): string => execFileSync("iptables", ["-S"], { encoding: "utf8" });
    expect(rules()).toContain("sw0123abcd+");
    await networks.remove("shop", "default");
    expect(rules()).not.toContain("sw0123abcd");
    expect(rules()).toContain("-A DOCKER-USER -j RETURN");
  });
});
