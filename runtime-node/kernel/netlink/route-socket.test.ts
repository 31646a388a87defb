import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LinuxKernel } from "../linux-kernel.ts";
import { createNetworkNamespace, openRouteSocketIn } from "./network-namespace.ts";
import { enterPrivateNetwork } from "./private-network.ts";
import { RouteSocket } from "./route-socket.ts";

const kernel = new LinuxKernel();
let routes: RouteSocket;

/** What ip(8) sees, as a second opinion. */
function ip(...args: string[]): Record<string, unknown>[] {
  return JSON.parse(execFileSync("ip", ["-j", "-d", ...args], { encoding: "utf8" })) as Record<string, unknown>[];
}

beforeAll(() => {
  enterPrivateNetwork(kernel);
  routes = RouteSocket.open(kernel);
});
afterAll(() => routes[Symbol.dispose]());

describe("a route socket", () => {
  it("makes a bridge with name, MAC and address that ip(8) sees, and takes it back", () => {
    routes.createBridge({ name: "swtest0", up: true, mac: "02:53:0a:53:01:01" });
    const { index } = routes.requireLink("swtest0");
    routes.addAddress({ linkIndex: index, address: "10.83.1.1", prefixLength: 24 });
    expect(ip("addr", "show", "swtest0")[0]).toMatchObject({
      ifname: "swtest0",
      address: "02:53:0a:53:01:01",
      linkinfo: { info_kind: "bridge" },
      addr_info: expect.arrayContaining([expect.objectContaining({ local: "10.83.1.1", prefixlen: 24 })]),
    });
    expect(routes.listAddresses()).toContainEqual({ linkIndex: index, address: "10.83.1.1", prefixLength: 24 });
    routes.deleteAddress({ linkIndex: index, address: "10.83.1.1", prefixLength: 24 });
    expect(routes.listAddresses().filter((address) => address.linkIndex === index)).toEqual([]);
    expect(routes.deleteLink("swtest0")).toBe(true);
    expect(routes.deleteLink("swtest0")).toBe(false);
    expect(routes.findLink("swtest0")).toBeUndefined();
  });

  it("makes a veth pair whose peer is born in another namespace under its own name", () => {
    using namespace = createNetworkNamespace(kernel);
    routes.createBridge({ name: "swtest1", up: true });
    const bridge = routes.requireLink("swtest1").index;
    const peer = { name: "eth0", mac: "02:53:0a:53:01:02", mtu: 1400, namespace: { fd: namespace.fd } };
    routes.createVeth({ name: "swveth1", up: true, master: bridge }, peer);
    expect(routes.requireLink("swveth1")).toMatchObject({ kind: "veth", up: true, master: bridge });
    expect(routes.findLink("eth0")).toBeUndefined();

    using inner = openRouteSocketIn(kernel, namespace.fd);
    inner.setLink("lo", { up: true });
    inner.setLink("eth0", { up: true });
    const eth0 = inner.requireLink("eth0");
    expect(eth0).toMatchObject({ kind: "veth", up: true, mac: "02:53:0a:53:01:02", mtu: 1400 });
    inner.addAddress({ linkIndex: eth0.index, address: "10.83.1.2", prefixLength: 24 });
    inner.addDefaultRoute("10.83.1.1");
    expect(inner.listRoutes()).toContainEqual({
      destination: "0.0.0.0",
      prefixLength: 0,
      gateway: "10.83.1.1",
      linkIndex: eth0.index,
    });
    routes.deleteLink("swveth1");
    routes.deleteLink("swtest1");
    expect(inner.findLink("eth0")).toBeUndefined();
  });

  it("renames a link, moves it and takes it out of its bridge", () => {
    using namespace = createNetworkNamespace(kernel);
    routes.createBridge({ name: "swtest2" });
    routes.createVeth({ name: "swveth2", master: routes.requireLink("swtest2").index }, { name: "swpeer2" });
    routes.setLink("swpeer2", { name: "swpeer2b" });
    routes.setLink("swveth2", { master: 0 });
    expect(routes.requireLink("swveth2").master).toBeUndefined();
    routes.setLink("swpeer2b", { namespace: { fd: namespace.fd } });
    expect(routes.findLink("swpeer2b")).toBeUndefined();
    using inner = openRouteSocketIn(kernel, namespace.fd);
    expect(inner.requireLink("swpeer2b").kind).toBe("veth");
    routes.deleteLink("swveth2");
    routes.deleteLink("swtest2");
  });

  it("lists more links than one datagram of a dump holds", () => {
    routes.createBridge({ name: "swtest3" });
    const master = routes.requireLink("swtest3").index;
    for (let index = 0; index < 40; index++) routes.createVeth({ name: `swv${index}`, master }, { name: `swp${index}` });
    const names = routes.listLinks().map((link) => link.name);
    for (let index = 0; index < 40; index++) expect(names).toContain(`swp${index}`);
    for (let index = 0; index < 40; index++) routes.deleteLink(`swv${index}`);
    routes.deleteLink("swtest3");
  });

  it("says what was asked, the errno and the kernel's own sentence when it is refused", () => {
    const route = { destination: "10.9.0.0", prefixLength: 16, gateway: "9.9.9.9", linkIndex: undefined };
    expect(() => routes.addRoute(route)).toThrow("add route 10.9.0.0/16: ENETUNREACH (Nexthop has invalid gateway)");
    expect(() => routes.requireLink("nowhere")).toThrow(expect.objectContaining({ errno: "ENODEV" }));
    expect(() => routes.createBridge({ name: "a-name-of-16-byt" })).toThrow(/has not 1 to 15 bytes/);
  });

  it("refuses to be used once closed", () => {
    const socket = RouteSocket.open(kernel);
    socket[Symbol.dispose]();
    socket[Symbol.dispose]();
    expect(() => socket.listLinks()).toThrow("closed");
  });
});
