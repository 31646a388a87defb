import { encodeValues, type ElementValue } from "#kernel/nftables/data-types.ts";
import type { EndpointRecord, NetworkRecord, Publication } from "./network-state.ts";
import { addressAt, parseSubnet } from "./subnet.ts";
import { type SetName, SETS } from "./ruleset.ts";

/** An element of one of the ruleset's sets or maps. */
export interface FirewallElement {
  set: SetName;
  key: ElementValue[];
  /** For a map. */
  data?: ElementValue[];
}

const element = (set: SetName, key: ElementValue[], data?: ElementValue[]): FirewallElement =>
  data === undefined ? { set, key } : { set, key, data };

export function networkElements({ bridge, subnet, gateway, internal }: NetworkRecord): FirewallElement[] {
  return [
    element("bridges", [bridge]),
    element("within", [bridge, bridge]),
    element("subnets", [addressAt(parseSubnet(subnet), 0), bridge]),
    element("gateways", [bridge, gateway]),
    ...(internal ? [element("internal", [bridge])] : []),
  ];
}

export function endpointElements({ hostInterface, mac, address }: EndpointRecord): FirewallElement[] {
  return [element("sources", [hostInterface, mac, address])];
}

export function publicationElement(publication: Publication): FirewallElement {
  const { hostIp, hostPort, protocol, address, containerPort } = publication;
  const destination = [address, containerPort];
  return hostIp === "0.0.0.0"
    ? element("publishedAnywhere", [protocol, hostPort], destination)
    : element("publishedAt", [hostIp, protocol, hostPort], destination);
}

/** Where an element stands: its set and encoded key, as the kernel would list it. */
export function placeOf({ set, key }: FirewallElement): string {
  return `${set}:${encodeValues(SETS[set].key, key).toString("hex")}`;
}

/** The encoded value of a map's element, "" for a set's. */
export function valueOf({ set, data }: FirewallElement): string {
  const definition = SETS[set];
  if (!("data" in definition) || data === undefined) return "";
  return encodeValues(definition.data, data).toString("hex");
}
