import { createHash } from "node:crypto";
import { interfaceNameBytes } from "#kernel/nftables/data-types.ts";
import {
  destinationFrom,
  differs,
  equals,
  type Expression,
  hasAnyBit,
  isIn,
  isNotIn,
  jump,
  masked,
  masquerade,
  verdict,
} from "#kernel/nftables/expressions.ts";
import * as packet from "#kernel/nftables/fields.ts";
import { type BaseChain, type SetDefinition, type TableName, Transaction } from "#kernel/nftables/transaction.ts";
import { ipv4Bytes } from "#kernel/netlink/ipv4.ts";
import { hostInterfacePrefix } from "./interface-names.ts";

/** The sets and maps that networks, endpoints and published ports are elements of. */
export const SETS = {
  /** Our bridges. */
  bridges: { table: "ip", name: "bridges", key: ["ifname"] },
  /** The bridges of internal networks. */
  internal: { table: "ip", name: "internal", key: ["ifname"] },
  /** (bridge, bridge): a packet that leaves by the bridge it came from. */
  within: { table: "ip", name: "within", key: ["ifname", "ifname"] },
  /** (subnet's lowest address, its bridge) */
  subnets: { table: "ip", name: "subnets", key: ["ipv4_addr", "ifname"] },
  gateways: { table: "ip", name: "gateways", key: ["ifname", "ipv4_addr"] },
  publishedAnywhere: {
    table: "ip",
    name: "published_any",
    key: ["inet_proto", "inet_service"],
    data: ["ipv4_addr", "inet_service"],
  },
  publishedAt: {
    table: "ip",
    name: "published_at",
    key: ["ipv4_addr", "inet_proto", "inet_service"],
    data: ["ipv4_addr", "inet_service"],
  },
  /** (host's end of a container's veth pair, the container's MAC and address): what it may send from. */
  sources: { table: "bridge", name: "sources", key: ["ifname", "ether_addr", "ipv4_addr"] },
} as const satisfies Record<string, SetDefinition & { table: "ip" | "bridge" }>;
export type SetName = keyof typeof SETS;

export interface RulesetOptions {
  hash: string;
  /** Pool `10.83`'s messaging address is 10.83.0.1. */
  messagingAddress: string;
  messagingPort: number;
}

interface Chain {
  table: "ip" | "bridge";
  name: string;
  base?: BaseChain;
  rules: Expression[][];
}

const DNS_PORT = portBytes(53);
const LOOPBACK_NAME = interfaceNameBytes("lo");
const LOOPBACK_NET = Buffer.of(127);
const ICMP = Buffer.of(1);
const TCP = Buffer.of(6);
/** Priorities as iptables' tables have them: raw, filter, destination NAT, source NAT. */
const PRIORITY = { raw: -300, filter: 0, destinationNat: -100, sourceNat: 100 } as const;

const sourceSubnet = masked(packet.ipv4Source(), Buffer.of(255, 255, 255, 0));
const accept = verdict("accept");
const drop = verdict("drop");
const isOurBridgeIn = isIn(SETS.bridges.name, packet.inputInterface);
const isOurBridgeOut = isIn(SETS.bridges.name, packet.outputInterface);
const isForeignIn = isNotIn(SETS.bridges.name, packet.inputInterface);
const isForeignOut = isNotIn(SETS.bridges.name, packet.outputInterface);
const isInternalIn = isIn(SETS.internal.name, packet.inputInterface);
const staysWithin = isIn(SETS.within.name, packet.inputInterface, packet.outputInterface);
const isOwnGateway = isIn(SETS.gateways.name, packet.inputInterface, packet.ipv4Destination());
const isAnswer = hasAnyBit(packet.connectionState, packet.CONNECTION_STATE.established | packet.CONNECTION_STATE.related);
const isPublished = hasAnyBit(packet.connectionStatus, packet.CONNECTION_STATUS.destinationTranslated);

export function platformTable(hash: string, family: "ip" | "bridge"): TableName {
  return { family, name: `slipway_${hash}` };
}

/** Adds tables, sets, chains and rules to a transaction: all of a platform that does not change with its containers. */
export function addRuleset(transaction: Transaction, options: RulesetOptions, comment: string): void {
  for (const family of ["ip", "bridge"] as const) transaction.addTable(platformTable(options.hash, family), comment);
  for (const set of Object.values(SETS)) transaction.addSet(platformTable(options.hash, set.table), set);
  const chains = chainsOf(options);
  for (const { table, name, base } of chains) transaction.addChain(platformTable(options.hash, table), name, base);
  for (const { table, name, rules } of chains) {
    for (const rule of rules) transaction.addRule(platformTable(options.hash, table), name, rule);
  }
}

/** Differs when any byte of the ruleset does: kept as the tables' comment, so that an older version's is replaced. */
export function rulesetFingerprint(options: RulesetOptions): string {
  const transaction = new Transaction();
  addRuleset(transaction, options, "");
  const hash = createHash("sha256");
  for (const message of transaction.messages()) hash.update(message.encode(0));
  return `slipway ruleset ${hash.digest("hex").slice(0, 16)}`;
}

/** How many rules each chain of a family has when nobody has touched it. */
export function ruleCounts(options: RulesetOptions, family: "ip" | "bridge"): Map<string, number> {
  return new Map(
    chainsOf(options)
      .filter((chain) => chain.table === family)
      .map((chain) => [chain.name, chain.rules.length]),
  );
}

function chainsOf(options: RulesetOptions): Chain[] {
  return [
    loopbackGuard,
    forward,
    platformServices(options),
    input(options),
    published,
    { table: "ip", name: "prerouting", base: nat("prerouting", PRIORITY.destinationNat), rules: [jump("published")] },
    { table: "ip", name: "output", base: nat("output", PRIORITY.destinationNat), rules: [jump("published")] },
    postrouting(options),
    sourceGuard(options),
  ];
}

/**
 * Ports published on 127.0.0.1 need route_localnet on our bridges, which alone would let a container send to the host's
 * loopback (CVE-2020-8558). Before connection tracking turns answers back into 127.0.0.1, nothing honest has that destination.
 */
const loopbackGuard: Chain = {
  table: "ip",
  name: "loopback_guard",
  base: filter("prerouting", PRIORITY.raw),
  rules: [[...isOurBridgeIn, ...equals(packet.ipv4Destination(1), LOOPBACK_NET), ...drop]],
};

/** Projects apart from each other, internal networks shut, and from outside only what is published. */
const forward: Chain = {
  table: "ip",
  name: "forward",
  base: filter("forward", PRIORITY.filter),
  rules: [
    // Seen here at all when br_netfilter hands bridged frames to the IP hooks.
    [...staysWithin, ...accept],
    [...isInternalIn, ...drop],
    [...isAnswer, ...accept],
    [...isPublished, ...accept],
    [...isOurBridgeOut, ...drop],
  ],
};

/** The messaging address: its one port, for our containers; the host itself comes over lo. */
function platformServices({ messagingPort }: RulesetOptions): Chain {
  const isMessaging = [
    ...equals(packet.transportProtocol, TCP),
    ...equals(packet.destinationPort, portBytes(messagingPort)),
  ];
  return {
    table: "ip",
    name: "platform_services",
    rules: [
      [...equals(packet.inputInterface, LOOPBACK_NAME), ...accept],
      [...isForeignIn, ...drop],
      [...isMessaging, ...accept],
      drop,
    ],
  };
}

/** What containers reach on the host: DNS, messaging, and (from networks with a way out) what any machine outside reaches. */
function input({ messagingAddress }: RulesetOptions): Chain {
  return {
    table: "ip",
    name: "input",
    base: filter("input", PRIORITY.filter),
    rules: [
      [...equals(packet.ipv4Destination(), ipv4Bytes(messagingAddress)), ...jump("platform_services")],
      [...isForeignIn, ...accept],
      [...isAnswer, ...accept],
      [...isOwnGateway, ...equals(packet.transportProtocol, ICMP), ...accept],
      [...isOwnGateway, ...equals(packet.destinationPort, DNS_PORT), ...accept],
      [...isInternalIn, ...drop],
      // Anything else of the host's at a gateway, its own or another network's.
      [...equals(packet.ipv4Destination(2), poolPrefix(messagingAddress)), ...drop],
      // Broadcasts and multicasts, which services of the host may listen to.
      [...differs(packet.destinationKind, packet.LOCAL_DESTINATION), ...drop],
    ],
  };
}

/** Published ports, for packets from anywhere to this machine. */
const published: Chain = {
  table: "ip",
  name: "published",
  rules: [
    destinationFrom(SETS.publishedAt.name, packet.ipv4Destination(), packet.transportProtocol, packet.destinationPort),
    [
      ...equals(packet.destinationKind, packet.LOCAL_DESTINATION),
      ...destinationFrom(SETS.publishedAnywhere.name, packet.transportProtocol, packet.destinationPort),
    ],
  ],
};

function postrouting({ messagingAddress }: RulesetOptions): Chain {
  return {
    table: "ip",
    name: "postrouting",
    base: nat("postrouting", PRIORITY.sourceNat),
    rules: [
      // A container that calls a published port of its own network: the answer must come back by us, not straight. By address,
      // since br_netfilter shows no input interface here.
      [...isIn(SETS.subnets.name, sourceSubnet, packet.outputInterface), ...isPublished, ...masquerade()],
      // The host's own call to 127.0.0.1 and a published port.
      [...isOurBridgeOut, ...equals(packet.ipv4Source(1), LOOPBACK_NET), ...masquerade()],
      [
        ...equals(packet.ipv4Source(2), poolPrefix(messagingAddress)),
        ...isForeignOut,
        ...differs(packet.outputInterface, LOOPBACK_NAME),
        ...masquerade(),
      ],
    ],
  };
}

/** A container sends IPv4 and ARP, from its own MAC and address, and nothing else; an endpoint we do not know sends nothing. */
function sourceGuard({ hash }: RulesetOptions): Chain {
  const isForeign = differs(packet.inputInterface, Buffer.from(hostInterfacePrefix(hash)));
  return {
    table: "bridge",
    name: "source_guard",
    base: filter("prerouting", PRIORITY.raw),
    rules: [
      [...isForeign, ...accept],
      [
        ...equals(packet.ethernetType, packet.ETHERNET_TYPE.ipv4),
        ...isIn(SETS.sources.name, packet.inputInterface, packet.ethernetSource, packet.ipv4Source()),
        ...accept,
      ],
      [
        ...equals(packet.ethernetType, packet.ETHERNET_TYPE.arp),
        ...isIn(SETS.sources.name, packet.inputInterface, packet.ethernetSource, packet.arpSenderAddress),
        ...isIn(SETS.sources.name, packet.inputInterface, packet.arpSenderHardware, packet.arpSenderAddress),
        ...accept,
      ],
      drop,
    ],
  };
}

function filter(hook: BaseChain["hook"], priority: number): BaseChain {
  return { type: "filter", hook, priority };
}

function nat(hook: BaseChain["hook"], priority: number): BaseChain {
  return { type: "nat", hook, priority };
}

function poolPrefix(messagingAddress: string): Buffer {
  return ipv4Bytes(messagingAddress).subarray(0, 2);
}

function portBytes(port: number): Buffer {
  return Buffer.of(port >> 8, port & 0xff);
}
