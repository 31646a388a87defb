import { execFileSync } from "node:child_process";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { LinuxKernel } from "../linux-kernel.ts";
import { enterPrivateNetwork } from "../netlink/private-network.ts";
import { encodeValues, interfaceNameBytes } from "./data-types.ts";
import { equals, isIn, masquerade, verdict } from "./expressions.ts";
import { inputInterface, ipv4Source } from "./fields.ts";
import { NftablesSocket } from "./nftables-socket.ts";
import { type SetDefinition, Transaction } from "./transaction.ts";

const kernel = new LinuxKernel();
const table = { family: "ip", name: "slipway_test" } as const;
const friends: SetDefinition = { name: "friends", key: ["ipv4_addr"] };
const routed: SetDefinition = { name: "routed", key: ["ifname", "inet_service"], data: ["ipv4_addr", "inet_service"] };
let nftables: NftablesSocket;

const nft = (...args: string[]): string => execFileSync("nft", args, { encoding: "utf8" });
const emptyTable = (): Transaction => new Transaction().addTable(table, "made by a test");

beforeAll(() => {
  enterPrivateNetwork(kernel);
  nftables = NftablesSocket.open(kernel);
});
afterEach(() => nft("flush", "ruleset"));
afterAll(() => nftables[Symbol.dispose]());

describe("an nf_tables transaction", () => {
  it("makes a table, chains, rules and sets that nft(8) prints as they were meant", () => {
    const transaction = emptyTable()
      .addSet(table, friends)
      .addChain(table, "helper")
      .addChain(table, "input", { type: "filter", hook: "input", priority: 0 })
      .addRule(table, "input", [...isIn("friends", ipv4Source()), ...verdict("accept")])
      .addRule(table, "input", [...equals(inputInterface, interfaceNameBytes("eth0")), ...verdict("drop")])
      .addChain(table, "out", { type: "nat", hook: "postrouting", priority: 100 })
      .addRule(table, "out", masquerade())
      .addElements(table, friends, [{ key: ["192.0.2.7"] }]);
    nftables.commit(transaction);
    const listing = nft("list", "table", "ip", "slipway_test").replaceAll(/\s+/g, " ");
    expect(listing).toContain('comment "made by a test"');
    expect(listing).toContain("set friends { type ipv4_addr elements = { 192.0.2.7 } }");
    expect(listing).toContain('hook input priority filter; policy accept; ip saddr @friends accept iifname "eth0" drop');
    expect(listing).toContain("type nat hook postrouting priority srcnat; policy accept; masquerade");
  });

  it("stores concatenated keys and values of maps", () => {
    const element = { key: ["eth0", 8080], data: ["10.83.1.2", 80] };
    nftables.commit(emptyTable().addSet(table, routed).addElements(table, routed, [element]));
    expect(nft("list", "map", "ip", "slipway_test", "routed")).toContain('"eth0" . 8080 : 10.83.1.2 . 80');
    expect(nftables.listElements(table, routed)).toEqual([
      { key: encodeValues(routed.key, element.key), data: encodeValues(routed.data ?? [], element.data) },
    ]);
  });

  it("changes nothing when one of its changes is refused, and says which and why", () => {
    nftables.commit(emptyTable().addSet(table, friends));
    const transaction = new Transaction()
      .addElements(table, friends, [{ key: ["192.0.2.1"] }])
      .deleteElements(table, friends, [{ key: ["192.0.2.2"] }]);
    expect(() => nftables.commit(transaction)).toThrow("delete 192.0.2.2 of set ip slipway_test friends: ENOENT");
    expect(nftables.listElements(table, friends)).toEqual([]);
  });

  it("adds an element twice without complaint, but a map's element not with another value", () => {
    const to = (address: string) => [{ key: ["eth0", 80], data: [address, 80] }];
    nftables.commit(emptyTable().addSet(table, routed).addElements(table, routed, to("10.83.1.2")));
    nftables.commit(new Transaction().addElements(table, routed, to("10.83.1.2")));
    const other = new Transaction().addElements(table, routed, to("10.83.1.3"));
    expect(() => nftables.commit(other)).toThrow(expect.objectContaining({ errno: "EEXIST" }));
  });

  it("adds and deletes more elements than one message can hold", () => {
    const elements = Array.from({ length: 6000 }, (_, index) => ({ key: [`10.1.${index >> 8}.${index & 255}`] }));
    nftables.commit(emptyTable().addSet(table, friends).addElements(table, friends, elements));
    expect(nftables.listElements(table, friends)).toHaveLength(6000);
    nftables.commit(new Transaction().deleteElements(table, friends, elements.slice(1)));
    expect(nftables.listElements(table, friends)).toHaveLength(1);
  });

  it("deletes a table with all that is in it", () => {
    nftables.commit(emptyTable().addSet(table, friends).addChain(table, "helper"));
    nftables.commit(new Transaction().deleteTable(table));
    expect(nft("list", "tables")).toBe("");
    const again = new Transaction().deleteTable(table);
    expect(() => nftables.commit(again)).toThrow(expect.objectContaining({ errno: "ENOENT" }));
  });

  it("with nothing in it is no system call", () => {
    expect(() => nftables.commit(new Transaction())).not.toThrow();
  });
});

describe("listing", () => {
  it("tells tables with their comments, chains with hook and policy, and counts rules, other programs' among them", () => {
    nft(
      "add table ip6 foreign; add chain ip6 foreign foreign_forward { type filter hook forward priority 0; policy drop; }",
    );
    nft(
      "add chain ip6 foreign aside; add rule ip6 foreign foreign_forward accept; add rule ip6 foreign foreign_forward drop",
    );
    nftables.commit(emptyTable());
    expect(nftables.listTables()).toEqual([
      { family: "ip6", name: "foreign", comment: undefined },
      { ...table, comment: "made by a test" },
    ]);
    const foreign = { family: "ip6", name: "foreign" } as const;
    expect(nftables.listChains()).toEqual([
      { table: foreign, name: "foreign_forward", hook: "forward", policy: "drop" },
      { table: foreign, name: "aside", hook: undefined, policy: undefined },
    ]);
    expect(nftables.countRules(foreign)).toEqual(new Map([["foreign_forward", 2]]));
  });

  it("has no elements of a set that is not there", () => {
    expect(nftables.listElements(table, friends)).toEqual([]);
  });
});
