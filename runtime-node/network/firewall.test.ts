import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { enterPrivateNetwork } from "#kernel/netlink/private-network.ts";
import { Firewall } from "./firewall.ts";
import { endpointElements, type FirewallElement, networkElements, publicationElement } from "./firewall-elements.ts";

const kernel = new LinuxKernel();
const options = { hash: "0123abcd", messagingAddress: "10.83.0.1", messagingPort: 4222 };
const nft = (...args: string[]): string => execFileSync("nft", args, { encoding: "utf8" });
let firewall: Firewall;

const network = networkElements({
  name: "shop_default",
  project: "shop",
  network: "default",
  bridge: "sw0123abcdb1",
  subnet: "10.83.1.0/24",
  gateway: "10.83.1.1",
  internal: false,
});
const endpoint = endpointElements({
  network: "shop_default",
  bridge: "sw0123abcdb1",
  instanceId: "0123456789ab",
  instanceName: "shop-web-1",
  aliases: [],
  pid: 1,
  interfaceName: "eth0",
  address: "10.83.1.2",
  prefixLength: 24,
  gateway: "10.83.1.1",
  mac: "02:53:0a:53:01:02",
  hostInterface: "sw0123abcdv0102",
  defaultRoute: true,
});

function published(hostIp: string, address: string): FirewallElement {
  const ports = { hostIp, hostPort: 8080, containerPort: 80, requestedPort: 8080, protocol: "tcp" as const };
  return publicationElement({ ...ports, instanceId: "0123456789ab", address });
}

beforeAll(() => enterPrivateNetwork(kernel));
beforeEach(() => {
  firewall = new Firewall(kernel, options);
});
afterEach(() => {
  firewall[Symbol.dispose]();
  nft("flush", "ruleset");
});

describe("the platform's ruleset", () => {
  it("is what nft(8) would have made of it", () => {
    firewall.ensureRuleset();
    firewall.add([...network, ...endpoint, published("0.0.0.0", "10.83.1.2"), published("127.0.0.1", "10.83.1.3")]);
    const ours = nft("list", "ruleset").replaceAll(/^\tcomment .*\n/gm, "");
    nft("flush", "ruleset");
    nft("-f", join(import.meta.dirname, "ruleset.reference.nft"));
    expect(ours).toBe(nft("list", "ruleset"));
  });

  it("is made once, and not again by a second process", () => {
    expect(firewall.ensureRuleset()).toBe("made");
    firewall.add(network);
    using second = new Firewall(kernel, options);
    expect(second.ensureRuleset()).toBe("kept");
    expect(nft("list", "set", "ip", "slipway_0123abcd", "bridges")).toContain("sw0123abcdb1");
  });

  it("is replaced when it is another version's", () => {
    firewall.ensureRuleset();
    using newer = new Firewall(kernel, { ...options, messagingPort: 4333 });
    expect(newer.ensureRuleset()).toBe("made");
    expect(nft("list", "ruleset")).toContain("tcp dport 4333");
    expect(nft("list", "ruleset")).not.toContain("tcp dport 4222");
  });

  it("is removed whole, and leaves other programs' tables", () => {
    nft("add", "table", "ip", "foreign");
    firewall.ensureRuleset();
    firewall.add(network);
    firewall.removeTables();
    firewall.removeTables();
    expect(nft("list", "ruleset")).toBe("table ip foreign {\n}\n");
  });
});

describe("elements", () => {
  it("leave nothing when they are removed", () => {
    firewall.ensureRuleset();
    const empty = nft("list", "ruleset");
    const elements = [...network, ...endpoint, published("0.0.0.0", "10.83.1.2")];
    firewall.add(elements);
    expect(nft("list", "ruleset")).not.toBe(empty);
    firewall.remove(elements);
    firewall.remove(elements);
    expect(nft("list", "ruleset")).toBe(empty);
  });

  it("are right after a reset, whatever was there: missing added, surplus removed, wrong values replaced", () => {
    firewall.ensureRuleset();
    firewall.add([...network, ...endpoint, published("0.0.0.0", "10.83.1.9")]);
    const wanted = [...network, published("0.0.0.0", "10.83.1.2"), published("127.0.0.1", "10.83.1.2")];
    using second = new Firewall(kernel, options);
    expect(second.reset(wanted)).toBe("changed");
    const listing = nft("list", "ruleset");
    expect(listing).toContain("elements = { tcp . 8080 : 10.83.1.2 . 80 }");
    expect(listing).toContain("elements = { 127.0.0.1 . tcp . 8080 : 10.83.1.2 . 80 }");
    expect(listing).not.toContain("sw0123abcdv0102");
    expect(second.reset(wanted)).toBe("kept");
  });
});

describe("a table that another program", () => {
  const everything = [...network, ...endpoint, published("0.0.0.0", "10.83.1.2")];

  it("deleted is made again with all its elements by the next change", () => {
    firewall.ensureRuleset();
    firewall.add(everything);
    const before = nft("list", "ruleset");
    nft("flush", "ruleset");
    firewall.add(endpoint);
    expect(nft("list", "ruleset")).toBe(before);
  });

  it("took a rule from is set right by a reset", () => {
    firewall.ensureRuleset();
    firewall.add(everything);
    const before = nft("list", "ruleset");
    nft("flush", "chain", "ip", "slipway_0123abcd", "forward");
    expect(firewall.reset(everything)).toBe("made");
    expect(nft("list", "ruleset")).toBe(before);
  });

  it("took an element from does not fail the element's removal", () => {
    firewall.ensureRuleset();
    firewall.add(everything);
    nft("flush", "set", "ip", "slipway_0123abcd", "bridges");
    firewall.remove(network);
    expect(nft("list", "table", "ip", "slipway_0123abcd")).not.toContain("sw0123abcdb1");
  });
});
