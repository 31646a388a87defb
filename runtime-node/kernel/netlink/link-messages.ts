import { formatMac, macBytes } from "./ipv4.ts";
import { MessageBuilder } from "./message-builder.ts";
import { Attributes, type NetlinkMessage } from "./message-parser.ts";
import { RT } from "./route-constants.ts";

/** ifreq's IFNAMSIZ, with the NUL. */
export const MAX_LINK_NAME_BYTES = 15;
const IFINFOMSG_BYTES = 16;

/** A network interface as the kernel lists it. */
export interface Link {
  index: number;
  name: string;
  /** `bridge`, `veth`, …; undefined for real hardware and lo. */
  kind: string | undefined;
  up: boolean;
  mac: string | undefined;
  mtu: number;
  /** The index of the bridge it is a port of. */
  master: number | undefined;
}

/** Where a link goes: the network namespace behind an fd, or that of a process. */
export type NamespaceTarget = { fd: number } | { pid: number };

export interface LinkAttributes {
  name?: string;
  up?: boolean;
  mac?: string;
  /** Bytes. */
  mtu?: number;
  /** The bridge's index; 0 takes it out of its bridge. */
  master?: number;
  namespace?: NamespaceTarget;
  /** For a bridge's port: a frame may leave by the port it came from. */
  hairpin?: boolean;
}

/** The far end of a new veth. The kernel cannot set it up before the pair is joined (ENOTCONN, veth_open). */
export type VethPeer = Omit<LinkAttributes, "up" | "master"> & { name: string };

const CREATE = RT.NLM_F_REQUEST | RT.NLM_F_ACK | RT.NLM_F_CREATE | RT.NLM_F_EXCL;

export function createLinkMessage(kind: "bridge" | "dummy", attributes: LinkAttributes & { name: string }): MessageBuilder {
  const message = linkMessage(`create ${kind} ${attributes.name}`, RT.RTM_NEWLINK, CREATE, 0, attributes);
  return message.nested(RT.IFLA_LINKINFO, (info) => {
    info.string(RT.IFLA_INFO_KIND, kind);
    // Snooping only costs timers and memory on a bridge whose multicast stays on one host.
    if (kind === "bridge") info.nested(RT.IFLA_INFO_DATA, (data) => data.u8(RT.IFLA_BR_MCAST_SNOOPING, 0));
  });
}

export function createVethMessage(near: LinkAttributes & { name: string }, peer: VethPeer): MessageBuilder {
  const purpose = `create veth ${near.name} with peer ${peer.name}`;
  const message = linkMessage(purpose, RT.RTM_NEWLINK, CREATE, 0, near);
  return message.nested(RT.IFLA_LINKINFO, (info) => {
    info.string(RT.IFLA_INFO_KIND, "veth");
    info.nested(RT.IFLA_INFO_DATA, (data) =>
      data.nested(RT.VETH_INFO_PEER, (inner) => addLinkAttributes(inner.raw(interfaceHeader(0, peer)), peer)),
    );
  });
}

export function setLinkMessage(index: number, label: string, attributes: LinkAttributes): MessageBuilder {
  const what = Object.keys(attributes).join(", ");
  return linkMessage(`set ${what} of link ${label}`, RT.RTM_NEWLINK, RT.NLM_F_REQUEST | RT.NLM_F_ACK, index, attributes);
}

export function deleteLinkMessage(name: string): MessageBuilder {
  return linkMessage(`delete link ${name}`, RT.RTM_DELLINK, RT.NLM_F_REQUEST | RT.NLM_F_ACK, 0, { name });
}

export function getLinkMessage(name: string): MessageBuilder {
  return linkMessage(`look up link ${name}`, RT.RTM_GETLINK, RT.NLM_F_REQUEST, 0, { name });
}

export function listLinksMessage(): MessageBuilder {
  return linkMessage("list links", RT.RTM_GETLINK, RT.NLM_F_REQUEST | RT.NLM_F_DUMP, 0, {});
}

export function parseLink(message: NetlinkMessage): Link {
  const attributes = new Attributes(message.payload.subarray(IFINFOMSG_BYTES));
  const mac = attributes.bytes(RT.IFLA_ADDRESS);
  return {
    index: message.payload.readInt32LE(4),
    name: attributes.string(RT.IFLA_IFNAME) ?? "",
    kind: attributes.nested(RT.IFLA_LINKINFO).string(RT.IFLA_INFO_KIND),
    up: (message.payload.readUInt32LE(8) & RT.IFF_UP) !== 0,
    mac: mac?.byteLength === 6 ? formatMac(mac) : undefined,
    mtu: attributes.u32(RT.IFLA_MTU) ?? 0,
    master: attributes.u32(RT.IFLA_MASTER),
  };
}

function linkMessage(
  purpose: string,
  type: number,
  flags: number,
  index: number,
  attributes: LinkAttributes,
): MessageBuilder {
  const message = new MessageBuilder(purpose, type, flags, interfaceHeader(index, attributes));
  addLinkAttributes(message, attributes);
  return message;
}

/** struct ifinfomsg: family, type, index, flags, change mask. */
function interfaceHeader(index: number, { up }: LinkAttributes): Buffer {
  const header = Buffer.alloc(IFINFOMSG_BYTES);
  header.writeInt32LE(index, 4);
  if (up !== undefined) {
    header.writeUInt32LE(up ? RT.IFF_UP : 0, 8);
    header.writeUInt32LE(RT.IFF_UP, 12);
  }
  return header;
}

function addLinkAttributes(message: MessageBuilder, attributes: LinkAttributes): void {
  const { name, mac, mtu, master, namespace, hairpin } = attributes;
  if (name !== undefined) {
    if (name === "" || Buffer.byteLength(name) > MAX_LINK_NAME_BYTES) {
      throw new RangeError(`link name ${JSON.stringify(name)} has not 1 to ${MAX_LINK_NAME_BYTES} bytes`);
    }
    message.string(RT.IFLA_IFNAME, name);
  }
  if (mac !== undefined) message.bytes(RT.IFLA_ADDRESS, macBytes(mac));
  if (mtu !== undefined) message.u32(RT.IFLA_MTU, mtu);
  if (master !== undefined) message.u32(RT.IFLA_MASTER, master);
  if (hairpin !== undefined) addPortData(message, hairpin);
  if (namespace === undefined) return;
  if ("fd" in namespace) message.u32(RT.IFLA_NET_NS_FD, namespace.fd);
  else message.u32(RT.IFLA_NET_NS_PID, namespace.pid);
}

function addPortData(message: MessageBuilder, hairpin: boolean): void {
  message.nested(RT.IFLA_LINKINFO, (info) =>
    info
      .string(RT.IFLA_INFO_SLAVE_KIND, "bridge")
      .nested(RT.IFLA_INFO_SLAVE_DATA, (data) => data.u8(RT.IFLA_BRPORT_MODE, hairpin ? 1 : 0)),
  );
}
