import { describe, expect, it } from "vitest";
import { chooseSubnet, leaseAddress } from "./address-plan.ts";
import { emptyState, type NetworkRecord } from "./network-state.ts";
import { addressAt, contains, formatSubnet, offsetOf, overlaps, parseSubnet } from "./subnet.ts";

const pool = { subnet: parseSubnet("10.83.0.0/16"), messagingAddress: "10.83.0.1", messagingPort: 4222 };

function network(third: number): NetworkRecord {
  const names = { name: `shop_n${third}`, project: "shop", network: `n${third}`, bridge: `b${third}` };
  return { ...names, subnet: `10.83.${third}.0/24`, gateway: `10.83.${third}.1`, internal: false };
}

describe("a range of addresses", () => {
  it("is cleared of the bits past its prefix", () => {
    expect(formatSubnet(parseSubnet("10.83.4.77/24"))).toBe("10.83.4.0/24");
    expect(formatSubnet(parseSubnet("255.255.255.255/1"))).toBe("128.0.0.0/1");
    expect(formatSubnet(parseSubnet("192.0.2.1/0"))).toBe("0.0.0.0/0");
  });

  it("knows what it overlaps and contains", () => {
    expect(overlaps(parseSubnet("10.0.0.0/8"), parseSubnet("10.83.1.0/24"))).toBe(true);
    expect(overlaps(parseSubnet("10.83.1.0/24"), parseSubnet("10.0.0.0/8"))).toBe(true);
    expect(overlaps(parseSubnet("10.83.1.0/24"), parseSubnet("10.83.2.0/24"))).toBe(false);
    expect(contains(parseSubnet("10.83.1.0/24"), "10.83.1.255")).toBe(true);
    expect(contains(parseSubnet("10.83.1.0/24"), "10.83.2.0")).toBe(false);
    expect(offsetOf(parseSubnet("10.83.1.0/24"), addressAt(parseSubnet("10.83.1.0/24"), 7))).toBe(7);
  });

  it("is refused when it is none", () => {
    for (const text of [
      "10.83.1/24",
      "10.83.1.0",
      "10.83.1.0/33",
      "10.83.1.256/24",
      "10.083.1.0/24",
      "::/0",
      "10.83.1.0/-1",
    ]) {
      expect(() => parseSubnet(text)).toThrow(RangeError);
    }
  });
});

describe("the range for a new network", () => {
  it("is the lowest free one after the platform's own", () => {
    expect(formatSubnet(chooseSubnet(pool, [], []))).toBe("10.83.1.0/24");
    expect(formatSubnet(chooseSubnet(pool, [network(1), network(3)], []))).toBe("10.83.2.0/24");
  });

  it("avoids what the machine routes elsewhere", () => {
    const foreign = [parseSubnet("10.83.0.0/22"), parseSubnet("10.83.4.128/32")];
    expect(formatSubnet(chooseSubnet(pool, [], foreign))).toBe("10.83.5.0/24");
  });

  it("is refused when all 255 are taken", () => {
    const all = Array.from({ length: 255 }, (_, index) => network(index + 1));
    expect(() => chooseSubnet(pool, all, [])).toThrow(expect.objectContaining({ code: "SLIPWAY_NETWORK_POOL_EXHAUSTED" }));
  });
});

describe("an address for an instance", () => {
  it("goes on after the newest, and comes back to what was freed", () => {
    const state = emptyState();
    const lease = (id: string): string => leaseAddress(state, network(1), id).address;
    expect([lease("a"), lease("b")]).toEqual(["10.83.1.2", "10.83.1.3"]);
    state.leases.shift();
    expect(lease("c")).toBe("10.83.1.4");
    expect(leaseAddress(state, network(1), "d", { wanted: "10.83.1.254" }).address).toBe("10.83.1.254");
    expect(lease("e")).toBe("10.83.1.2");
  });

  it("is the one it has, on each network its own", () => {
    const state = emptyState();
    expect(leaseAddress(state, network(1), "a").address).toBe("10.83.1.2");
    expect(leaseAddress(state, network(2), "a").address).toBe("10.83.2.2");
    expect(leaseAddress(state, network(1), "a").address).toBe("10.83.1.2");
    expect(leaseAddress(state, network(1), "a", { wanted: "10.83.1.9" }).address).toBe("10.83.1.9");
    expect(state.leases).toHaveLength(2);
  });

  it("is refused when it is the network's, the gateway's, another's or another network's", () => {
    const state = emptyState();
    leaseAddress(state, network(1), "a");
    for (const wanted of ["10.83.1.0", "10.83.1.1", "10.83.1.255", "10.83.1.2", "10.83.2.5"]) {
      expect(() => leaseAddress(state, network(1), "b", { wanted })).toThrow(
        expect.objectContaining({ code: "SLIPWAY_NETWORK_ADDRESS_TAKEN" }),
      );
    }
  });

  it("is refused when all 253 are taken, and one that has one still gets it", () => {
    const state = emptyState();
    for (let index = 0; index < 253; index++) leaseAddress(state, network(1), `i${index}`);
    expect(new Set(state.leases.map((lease) => lease.address)).size).toBe(253);
    expect(() => leaseAddress(state, network(1), "more")).toThrow(
      expect.objectContaining({ code: "SLIPWAY_NETWORK_ADDRESSES_EXHAUSTED" }),
    );
    expect(leaseAddress(state, network(1), "i0").address).toBe("10.83.1.2");
  });
});
