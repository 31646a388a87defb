import { formatIpv4, ipv4Bytes } from "./ipv4.ts";
import { MessageBuilder } from "./message-builder.ts";
import { Attributes, type NetlinkMessage } from "./message-parser.ts";
import { RT } from "./route-constants.ts";

const IFADDRMSG_BYTES = 8;
const RTMSG_BYTES = 12;

/** An IPv4 address of an interface. */
export interface LinkAddress {
  linkIndex: number;
  address: string;
  prefixLength: number;
}

/** An IPv4 route of the main table. */
export interface Route {
  /** `0.0.0.0` with prefix length 0 for the default route. */
  destination: string;
  prefixLength: number;
  gateway: string | undefined;
  linkIndex: number | undefined;
}

export function addressMessage(
  action: "add" | "delete",
  { linkIndex, address, prefixLength }: LinkAddress,
): MessageBuilder {
  const header = Buffer.alloc(IFADDRMSG_BYTES);
  header[0] = RT.AF_INET;
  header[1] = prefixLength;
  header.writeUInt32LE(linkIndex, 4);
  const type = action === "add" ? RT.RTM_NEWADDR : RT.RTM_DELADDR;
  const flags = RT.NLM_F_REQUEST | RT.NLM_F_ACK | (action === "add" ? RT.NLM_F_CREATE | RT.NLM_F_EXCL : 0);
  const bytes = ipv4Bytes(address);
  return new MessageBuilder(`${action} address ${address}/${prefixLength} on link ${linkIndex}`, type, flags, header)
    .bytes(RT.IFA_LOCAL, bytes)
    .bytes(RT.IFA_ADDRESS, bytes);
}

export function listAddressesMessage(): MessageBuilder {
  const header = Buffer.alloc(IFADDRMSG_BYTES);
  header[0] = RT.AF_INET;
  return new MessageBuilder("list addresses", RT.RTM_GETADDR, RT.NLM_F_REQUEST | RT.NLM_F_DUMP, header);
}

export function parseAddress(message: NetlinkMessage): LinkAddress {
  const attributes = new Attributes(message.payload.subarray(IFADDRMSG_BYTES));
  const address = attributes.bytes(RT.IFA_LOCAL) ?? attributes.bytes(RT.IFA_ADDRESS) ?? Buffer.alloc(4);
  return {
    linkIndex: message.payload.readUInt32LE(4),
    address: formatIpv4(address),
    prefixLength: message.payload.readUInt8(1),
  };
}

export function addRouteMessage(route: Route): MessageBuilder {
  const { destination, prefixLength, gateway, linkIndex } = route;
  const header = routeHeader(prefixLength);
  header[4] = RT.RT_TABLE_MAIN;
  header[5] = RT.RTPROT_BOOT;
  header[6] = gateway === undefined ? RT.RT_SCOPE_LINK : RT.RT_SCOPE_UNIVERSE;
  header[7] = RT.RTN_UNICAST;
  const flags = RT.NLM_F_REQUEST | RT.NLM_F_ACK | RT.NLM_F_CREATE | RT.NLM_F_EXCL;
  const message = new MessageBuilder(`add route ${destination}/${prefixLength}`, RT.RTM_NEWROUTE, flags, header);
  if (prefixLength > 0) message.bytes(RT.RTA_DST, ipv4Bytes(destination));
  if (gateway !== undefined) message.bytes(RT.RTA_GATEWAY, ipv4Bytes(gateway));
  if (linkIndex !== undefined) message.u32(RT.RTA_OIF, linkIndex);
  return message;
}

export function listRoutesMessage(): MessageBuilder {
  return new MessageBuilder("list routes", RT.RTM_GETROUTE, RT.NLM_F_REQUEST | RT.NLM_F_DUMP, routeHeader(0));
}

/** Undefined for what is not a unicast route of the main table. */
export function parseRoute(message: NetlinkMessage): Route | undefined {
  const attributes = new Attributes(message.payload.subarray(RTMSG_BYTES));
  const table = attributes.u32(RT.RTA_TABLE) ?? message.payload.readUInt8(4);
  if (table !== RT.RT_TABLE_MAIN || message.payload.readUInt8(7) !== RT.RTN_UNICAST) return undefined;
  const destination = attributes.bytes(RT.RTA_DST);
  const gateway = attributes.bytes(RT.RTA_GATEWAY);
  return {
    destination: destination === undefined ? "0.0.0.0" : formatIpv4(destination),
    prefixLength: message.payload.readUInt8(1),
    gateway: gateway === undefined ? undefined : formatIpv4(gateway),
    linkIndex: attributes.u32(RT.RTA_OIF),
  };
}

/** struct rtmsg: family, destination length, source length, tos, table, protocol, scope, type, flags. */
function routeHeader(prefixLength: number): Buffer {
  const header = Buffer.alloc(RTMSG_BYTES);
  header[0] = RT.AF_INET;
  header[1] = prefixLength;
  return header;
}
