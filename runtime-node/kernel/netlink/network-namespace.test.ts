import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { LinuxKernel } from "../linux-kernel.ts";
import { createNetworkNamespace, inNetworkNamespace, openRouteSocketIn } from "./network-namespace.ts";
import { enterPrivateNetwork } from "./private-network.ts";

const kernel = new LinuxKernel();
const here = (): string => readlinkSync("/proc/thread-self/ns/net");
const openFds = (): number => readdirSync("/proc/self/fd").length;

beforeAll(() => enterPrivateNetwork(kernel));

describe("work in another network namespace", () => {
  it("happens there, and the thread comes back", () => {
    using namespace = createNetworkNamespace(kernel);
    const before = here();
    const there = inNetworkNamespace(kernel, namespace.fd, here);
    expect(there).not.toBe(before);
    expect(here()).toBe(before);
  });

  it("reads and writes that namespace's /proc/sys/net", () => {
    using namespace = createNetworkNamespace(kernel);
    const path = "/proc/sys/net/ipv4/ip_forward";
    writeFileSync(path, "0");
    inNetworkNamespace(kernel, namespace.fd, () => writeFileSync(path, "1"));
    expect(inNetworkNamespace(kernel, namespace.fd, () => readFileSync(path, "utf8"))).toBe("1\n");
    expect(readFileSync(path, "utf8")).toBe("0\n");
  });

  it("comes back when the work throws", () => {
    using namespace = createNetworkNamespace(kernel);
    const before = here();
    const failing = (): never => {
      throw new Error("on purpose");
    };
    expect(() => inNetworkNamespace(kernel, namespace.fd, failing)).toThrow("on purpose");
    expect(here()).toBe(before);
  });

  it("stays here when the namespace does not exist", () => {
    const before = here();
    expect(() => inNetworkNamespace(kernel, "/proc/0/ns/net", here)).toThrow(expect.objectContaining({ errno: "ENOENT" }));
    expect(here()).toBe(before);
  });

  it("leaves no fd behind", () => {
    const before = openFds();
    for (let round = 0; round < 20; round++) {
      using namespace = createNetworkNamespace(kernel);
      using routes = openRouteSocketIn(kernel, namespace.fd);
      expect(routes.listLinks().map((link) => link.name)).toEqual(expect.arrayContaining(["lo"]));
    }
    expect(openFds()).toBe(before);
  });
});
