import type { Field } from "./expressions.ts";

const META = { register: 1, key: 2 } as const;
const CT = { register: 1, key: 2 } as const;
const PAYLOAD = { register: 1, base: 2, offset: 3, length: 4 } as const;
const FIB = { register: 1, result: 2, flags: 3 } as const;

/** Where a payload's offset counts from. */
const BASE = { link: 0, network: 1, transport: 2 } as const;

/** enum nft_meta_keys */
export const inputInterface = meta(6, 16);
export const outputInterface = meta(7, 16);
export const transportProtocol = meta(16, 1);

/** enum nft_ct_keys; the bits are nf_conntrack_common.h's IP_CT_* and IPS_*. */
export const connectionState = connection(0);
export const CONNECTION_STATE = { established: 0x2, related: 0x4 } as const;
export const connectionStatus = connection(2);
export const CONNECTION_STATUS = { destinationTranslated: 0x20 } as const;

/** What the destination is to this machine: one of RTN_*, host-endian. */
export const destinationKind: Field = {
  bytes: 4,
  // NFT_FIB_RESULT_ADDRTYPE of NFTA_FIB_F_DADDR
  load: (register) => [
    { name: "fib", encode: (data) => data.be32(FIB.register, register).be32(FIB.result, 3).be32(FIB.flags, 2) },
  ],
};
export const LOCAL_DESTINATION = Buffer.from([2, 0, 0, 0]);

/** The IPv4 header's addresses, or their first bytes to match a prefix of 8, 16 or 24 bits. */
export const ipv4Source = (bytes = 4): Field => payload(BASE.network, 12, bytes);
export const ipv4Destination = (bytes = 4): Field => payload(BASE.network, 16, bytes);
/** TCP's and UDP's destination port. */
export const destinationPort = payload(BASE.transport, 2, 2);
export const ethernetSource = payload(BASE.link, 6, 6);
export const ethernetType = payload(BASE.link, 12, 2);
export const ETHERNET_TYPE = { ipv4: Buffer.from([0x08, 0x00]), arp: Buffer.from([0x08, 0x06]) } as const;
/** RFC 826, for Ethernet and IPv4. */
export const arpSenderHardware = payload(BASE.network, 8, 6);
export const arpSenderAddress = payload(BASE.network, 14, 4);

function meta(key: number, bytes: number): Field {
  return {
    bytes,
    load: (register) => [{ name: "meta", encode: (data) => data.be32(META.register, register).be32(META.key, key) }],
  };
}

function connection(key: number): Field {
  return {
    bytes: 4,
    load: (register) => [{ name: "ct", encode: (data) => data.be32(CT.register, register).be32(CT.key, key) }],
  };
}

function payload(base: number, offset: number, bytes: number): Field {
  return {
    bytes,
    load: (register) => [
      {
        name: "payload",
        encode: (data) =>
          data
            .be32(PAYLOAD.register, register)
            .be32(PAYLOAD.base, base)
            .be32(PAYLOAD.offset, offset)
            .be32(PAYLOAD.length, bytes),
      },
    ],
  };
}
