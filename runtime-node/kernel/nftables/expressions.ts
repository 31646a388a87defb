import type { MessageBuilder } from "../netlink/message-builder.ts";
import { FAMILY, FIRST_REGISTER, NFT, VERDICT, VERDICT_REGISTER } from "./nftables-constants.ts";

/** One instruction of nf_tables' machine. A rule is a list of them; a comparison that fails ends the rule. */
export interface Expression {
  name: string;
  encode(data: MessageBuilder): void;
}

/** Something of a packet that can be loaded into registers. */
export interface Field {
  bytes: number;
  load(register: number): Expression[];
}

const CMP = { sourceRegister: 1, operation: 2, data: 3, equal: 0, notEqual: 1 } as const;
const LOOKUP = { set: 1, sourceRegister: 2, destinationRegister: 3, flags: 5, inverted: 1 } as const;
const BITWISE = { sourceRegister: 1, destinationRegister: 2, length: 3, mask: 4, xor: 5 } as const;
const NAT = { type: 1, family: 2, addressRegister: 3, portRegister: 5, destination: 1 } as const;

/** True when the field equals these bytes. */
export function equals(field: Field, value: Uint8Array): Expression[] {
  return [...field.load(FIRST_REGISTER), compare(CMP.equal, value)];
}

export function differs(field: Field, value: Uint8Array): Expression[] {
  return [...field.load(FIRST_REGISTER), compare(CMP.notEqual, value)];
}

/** True when any bit of the mask is set in a 4-byte host-endian field. */
export function hasAnyBit(field: Field, mask: number): Expression[] {
  const bits = Buffer.alloc(4);
  bits.writeUInt32LE(mask);
  return [...masked(field, bits).load(FIRST_REGISTER), compare(CMP.notEqual, Buffer.alloc(4))];
}

/** The field with only the mask's bits. */
export function masked(field: Field, mask: Uint8Array): Field {
  const and = (register: number): Expression => ({
    name: "bitwise",
    encode: (data) =>
      data
        .be32(BITWISE.sourceRegister, register)
        .be32(BITWISE.destinationRegister, register)
        .be32(BITWISE.length, mask.byteLength)
        .nested(BITWISE.mask, (inner) => inner.bytes(NFT.DATA_VALUE, mask))
        .nested(BITWISE.xor, (inner) => inner.bytes(NFT.DATA_VALUE, Buffer.alloc(mask.byteLength))),
  });
  return { bytes: field.bytes, load: (register) => [...field.load(register), and(register)] };
}

/** True when the fields, side by side, are an element of the set. */
export function isIn(set: string, ...fields: Field[]): Expression[] {
  return [...loadAll(fields), lookup(set)];
}

export function isNotIn(set: string, ...fields: Field[]): Expression[] {
  return [...loadAll(fields), lookup(set, (data) => data.be32(LOOKUP.flags, LOOKUP.inverted))];
}

/** Sends the connection to the address and port that a map (`… : ipv4_addr . inet_service`) holds for the fields, if any. */
export function destinationFrom(map: string, ...fields: Field[]): Expression[] {
  const translate: Expression = {
    name: "nat",
    encode: (data) =>
      data
        .be32(NAT.type, NAT.destination)
        .be32(NAT.family, FAMILY.ip)
        .be32(NAT.addressRegister, FIRST_REGISTER)
        .be32(NAT.portRegister, FIRST_REGISTER + 1),
  };
  return [...loadAll(fields), lookup(map, (data) => data.be32(LOOKUP.destinationRegister, FIRST_REGISTER)), translate];
}

/** Gives the connection the address of the interface it leaves by. */
export function masquerade(): Expression[] {
  return [{ name: "masq", encode: () => undefined }];
}

/** Counts what comes this far; iptables puts one into each of its rules. */
export function counter(): Expression[] {
  return [{ name: "counter", encode: () => undefined }];
}

export function verdict(name: "accept" | "drop" | "return"): Expression[] {
  return [immediate(VERDICT[name])];
}

export function jump(chain: string): Expression[] {
  return [immediate(VERDICT.jump, chain)];
}

function loadAll(fields: readonly Field[]): Expression[] {
  let register = FIRST_REGISTER;
  return fields.flatMap((field) => {
    const load = field.load(register);
    register += Math.ceil(field.bytes / 4);
    return load;
  });
}

function compare(operation: number, value: Uint8Array): Expression {
  return {
    name: "cmp",
    encode: (data) =>
      data
        .be32(CMP.sourceRegister, FIRST_REGISTER)
        .be32(CMP.operation, operation)
        .nested(CMP.data, (inner) => inner.bytes(NFT.DATA_VALUE, value)),
  };
}

function lookup(set: string, more?: (data: MessageBuilder) => unknown): Expression {
  return {
    name: "lookup",
    encode: (data) => {
      data.string(LOOKUP.set, set).be32(LOOKUP.sourceRegister, FIRST_REGISTER);
      more?.(data);
    },
  };
}

function immediate(code: number, chain?: string): Expression {
  return {
    name: "immediate",
    encode: (data) =>
      data.be32(NFT.IMMEDIATE_REGISTER, VERDICT_REGISTER).nested(NFT.IMMEDIATE_DATA, (value) =>
        value.nested(NFT.DATA_VERDICT, (inner) => {
          inner.be32(NFT.VERDICT_CODE, code);
          if (chain !== undefined) inner.string(NFT.VERDICT_CHAIN, chain);
        }),
      ),
  };
}
