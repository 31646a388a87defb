import { beforeEach, describe, expect, it } from "vitest";
import { NameTable, type NetworkEndpoint } from "./name-table.ts";

const NETWORK = "shop_default";

function endpoint(index: number, overrides: Partial<NetworkEndpoint> = {}): NetworkEndpoint {
  return {
    network: NETWORK,
    project: "shop",
    instanceId: `00000000000${index}`,
    instanceName: `shop-web-${index}`,
    service: "web",
    aliases: ["www"],
    address: `10.90.0.${index + 1}`,
    ports: [{ name: "http", port: 8080, protocol: "tcp" }],
    healthy: true,
    ...overrides,
  };
}

describe("a name table", () => {
  let table: NameTable;
  beforeEach(() => {
    table = new NameTable();
    table.add(endpoint(1));
    table.add(endpoint(2));
  });

  it("finds a service, an alias, an instance and its id, alone and with the project, in any case", () => {
    for (const name of ["web", "WEB", "www", "web.shop", "www.shop"]) {
      expect([name, table.lookup(NETWORK, name)]).toEqual([name, ["10.90.0.2", "10.90.0.3"]]);
    }
    for (const name of ["shop-web-1", "Shop-Web-1.shop", "000000000001"]) {
      expect([name, table.lookup(NETWORK, name)]).toEqual([name, ["10.90.0.2"]]);
    }
  });

  it("knows nothing of other names, other projects and other networks", () => {
    expect(table.lookup(NETWORK, "db")).toBeUndefined();
    expect(table.lookup(NETWORK, "web.blog")).toBeUndefined();
    expect(table.lookup("blog_default", "web")).toBeUndefined();
    expect(table.reverse("blog_default", "10.90.0.2")).toBeUndefined();
  });

  it("leaves an unhealthy instance out of its service and aliases but not out of its own name", () => {
    table.add(endpoint(2, { healthy: false }));
    expect(table.lookup(NETWORK, "web")).toEqual(["10.90.0.2"]);
    expect(table.lookup(NETWORK, "shop-web-2")).toEqual(["10.90.0.3"]);
    table.add(endpoint(1, { healthy: false }));
    expect(table.lookup(NETWORK, "web")).toEqual([]);
  });

  it("knows every network of a container by its address on one of them", () => {
    table.add(endpoint(1, { network: "shop_back", address: "10.90.1.2" }));
    expect(table.networksOf(NETWORK, "10.90.0.2")).toEqual([NETWORK, "shop_back"]);
    expect(table.networksOf("shop_back", "10.90.1.2")).toEqual([NETWORK, "shop_back"]);
    expect(table.networksOf(NETWORK, "10.90.0.3")).toEqual([NETWORK]);
    expect(table.networksOf("shop_back", "10.90.1.9")).toEqual(["shop_back"]);
    table.remove(NETWORK, "000000000001");
    expect(table.networksOf("shop_back", "10.90.1.2")).toEqual(["shop_back"]);
  });

  it("replaces an instance's old address and aliases when it is added again", () => {
    table.add(endpoint(1, { address: "10.90.0.9", aliases: [] }));
    expect(table.lookup(NETWORK, "shop-web-1")).toEqual(["10.90.0.9"]);
    expect(table.lookup(NETWORK, "www")).toEqual(["10.90.0.3"]);
    expect(table.reverse(NETWORK, "10.90.0.2")).toBeUndefined();
    expect(table.reverse(NETWORK, "10.90.0.9")).toBe("shop-web-1");
  });

  it("keeps an address's new owner when its old one is removed late", () => {
    table.add(endpoint(3, { address: "10.90.0.2" }));
    table.remove(NETWORK, "000000000001");
    table.remove(NETWORK, "000000000001");
    expect(table.reverse(NETWORK, "10.90.0.2")).toBe("shop-web-3");
    expect(table.lookup(NETWORK, "shop-web-1")).toBeUndefined();
  });

  it("finds the ports of a service by number and name, per protocol, of healthy instances", () => {
    table.add(endpoint(2, { healthy: false }));
    const target = { name: "shop-web-1", address: "10.90.0.2", port: 8080 };
    expect(table.ports(NETWORK, "web", "8080", "tcp")).toEqual([target]);
    expect(table.ports(NETWORK, "web.shop", "HTTP", "tcp")).toEqual([target]);
    expect(table.ports(NETWORK, "web", "8080", "udp")).toBeUndefined();
    expect(table.ports(NETWORK, "web", "9090", "tcp")).toBeUndefined();
    table.add(endpoint(1, { healthy: false }));
    expect(table.ports(NETWORK, "web", "8080", "tcp")).toEqual([]);
  });
});
