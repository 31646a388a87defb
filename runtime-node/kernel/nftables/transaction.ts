import { MessageBuilder } from "../netlink/message-builder.ts";
import { concatenatedBytes, concatenatedTypeNumber, type DataType, type ElementValue, encodeValues } from "./data-types.ts";
import type { Expression } from "./expressions.ts";
import { FAMILY, type Family, type Hook, HOOK, NFT, nftablesType, VERDICT } from "./nftables-constants.ts";

const NLM_F_REQUEST = 0x1;
const NLM_F_ACK = 0x4;
const NLM_F_CREATE = 0x400;
const NLM_F_APPEND = 0x800;
/** A list of elements is one nested attribute of at most 64 KiB; a key with its value and headers stays under 128 bytes. */
const ELEMENTS_PER_MESSAGE = 400;
/** nft's and iptables' userdata: a comment (type 0) of a table or rule. */
const COMMENT = 0;
/** nft's userdata of a set: the byte order of its key (type 0) and data (type 1), host or big endian. */
const KEY_BYTE_ORDER = 0;
const DATA_BYTE_ORDER = 1;
const HOST_ENDIAN = 1;
const BIG_ENDIAN = 2;

export interface TableName {
  family: Family;
  name: string;
}

/** A set, or with `data` a map. */
export interface SetDefinition {
  name: string;
  key: readonly DataType[];
  data?: readonly DataType[];
}

/** Values as a person writes them, or as the kernel listed them. */
export interface SetElement {
  key: readonly ElementValue[] | Buffer;
  data?: readonly ElementValue[] | Buffer;
}

export interface BaseChain {
  type: "filter" | "nat";
  hook: Hook;
  priority: number;
}

/** Changes that the kernel makes all together or not at all. Hand it to `NftablesSocket.commit`. */
export class Transaction {
  readonly #messages: MessageBuilder[] = [];
  #nextSetId = 1;

  get isEmpty(): boolean {
    return this.#messages.length === 0;
  }

  /** Makes the table unless it is there. The comment is the kernel's to keep and `nft list` prints it. */
  addTable(table: TableName, comment?: string): this {
    const message = this.#message(`add table ${describe(table)}`, NFT.MSG_NEWTABLE, table, NLM_F_CREATE);
    message.string(NFT.TABLE_NAME, table.name);
    if (comment !== undefined) message.bytes(NFT.TABLE_USERDATA, commentBytes(comment));
    return this;
  }

  /** With all that is in it; ENOENT when there is none. */
  deleteTable(table: TableName): this {
    const message = this.#message(`delete table ${describe(table)}`, NFT.MSG_DELTABLE, table);
    message.string(NFT.TABLE_NAME, table.name);
    return this;
  }

  /** A chain to jump to, or with `base` one that a hook enters, its policy accept. */
  addChain(table: TableName, name: string, base?: BaseChain): this {
    const message = this.#message(`add chain ${describe(table)} ${name}`, NFT.MSG_NEWCHAIN, table, NLM_F_CREATE);
    message.string(NFT.CHAIN_TABLE, table.name).string(NFT.CHAIN_NAME, name);
    if (base === undefined) return this;
    message
      .nested(NFT.CHAIN_HOOK, (hook) => hook.be32(NFT.HOOK_HOOKNUM, HOOK[base.hook]).be32(NFT.HOOK_PRIORITY, base.priority))
      .be32(NFT.CHAIN_POLICY, VERDICT.accept)
      .string(NFT.CHAIN_TYPE, base.type);
    return this;
  }

  addSet(table: TableName, { name, key, data }: SetDefinition): this {
    const message = this.#message(`add set ${describe(table)} ${name}`, NFT.MSG_NEWSET, table, NLM_F_CREATE);
    message
      .string(NFT.SET_TABLE, table.name)
      .string(NFT.SET_NAME, name)
      .be32(NFT.SET_FLAGS, data === undefined ? 0 : NFT.SET_FLAG_MAP)
      .be32(NFT.SET_KEY_TYPE, concatenatedTypeNumber(key))
      .be32(NFT.SET_KEY_LEN, concatenatedBytes(key))
      .be32(NFT.SET_ID, this.#nextSetId++);
    if (data !== undefined) {
      message.be32(NFT.SET_DATA_TYPE, concatenatedTypeNumber(data)).be32(NFT.SET_DATA_LEN, concatenatedBytes(data));
    }
    message.bytes(
      NFT.SET_USERDATA,
      Buffer.concat([byteOrder(KEY_BYTE_ORDER, key), byteOrder(DATA_BYTE_ORDER, data ?? [])]),
    );
    return this;
  }

  /** At the end of the chain. */
  addRule(table: TableName, chain: string, rule: readonly Expression[]): this {
    const purpose = `add a rule of ${rule.map((expression) => expression.name).join(", ")} to ${describe(table)} ${chain}`;
    this.#message(purpose, NFT.MSG_NEWRULE, table, NLM_F_CREATE | NLM_F_APPEND)
      .string(NFT.RULE_TABLE, table.name)
      .string(NFT.RULE_CHAIN, chain)
      .nested(NFT.RULE_EXPRESSIONS, (list) => encodeExpressions(list, rule));
    return this;
  }

  /** Before the chain's first rule, with a comment that both `nft` and `iptables` print. */
  insertRule(table: TableName, chain: string, rule: readonly Expression[], comment: string): this {
    this.#message(`insert a rule into ${describe(table)} ${chain}`, NFT.MSG_NEWRULE, table, NLM_F_CREATE)
      .string(NFT.RULE_TABLE, table.name)
      .string(NFT.RULE_CHAIN, chain)
      .nested(NFT.RULE_EXPRESSIONS, (list) => encodeExpressions(list, rule))
      .bytes(NFT.RULE_USERDATA, commentBytes(comment));
    return this;
  }

  /** By the handle that `listRules` gave. */
  deleteRule(table: TableName, chain: string, handle: Buffer): this {
    this.#message(`delete a rule of ${describe(table)} ${chain}`, NFT.MSG_DELRULE, table)
      .string(NFT.RULE_TABLE, table.name)
      .string(NFT.RULE_CHAIN, chain)
      .bytes(NFT.RULE_HANDLE, handle);
    return this;
  }

  /** An element that is there already stays; a map's element with another value is EEXIST. */
  addElements(table: TableName, set: SetDefinition, elements: readonly SetElement[]): this {
    return this.#elements("add", NFT.MSG_NEWSETELEM, NLM_F_CREATE, table, set, elements);
  }

  /** ENOENT when one of them is not there. */
  deleteElements(table: TableName, set: SetDefinition, elements: readonly SetElement[]): this {
    return this.#elements("delete", NFT.MSG_DELSETELEM, 0, table, set, elements);
  }

  /** The batch, ready to send: begin, the changes (the last asks for an acknowledgement), end. */
  messages(): MessageBuilder[] {
    return [batchMarker(NFT.NFNL_MSG_BATCH_BEGIN), ...this.#messages, batchMarker(NFT.NFNL_MSG_BATCH_END)];
  }

  #elements(
    verb: "add" | "delete",
    type: number,
    flags: number,
    table: TableName,
    set: SetDefinition,
    elements: readonly SetElement[],
  ): this {
    for (let start = 0; start < elements.length; start += ELEMENTS_PER_MESSAGE) {
      const part = elements.slice(start, start + ELEMENTS_PER_MESSAGE);
      const named = part.length === 1 ? describeKey(part[0]?.key ?? []) : `${part.length} elements`;
      this.#message(`${verb} ${named} of set ${describe(table)} ${set.name}`, type, table, flags)
        .string(NFT.ELEM_LIST_TABLE, table.name)
        .string(NFT.ELEM_LIST_SET, set.name)
        .nested(NFT.ELEM_LIST_ELEMENTS, (list) => {
          for (const element of part) list.nested(NFT.LIST_ELEM, (inner) => encodeElement(inner, set, element));
        });
    }
    return this;
  }

  #message(purpose: string, type: number, table: TableName, flags = 0): MessageBuilder {
    const header = familyHeader(FAMILY[table.family], 0);
    const message = new MessageBuilder(purpose, nftablesType(type), NLM_F_REQUEST | NLM_F_ACK | flags, header);
    this.#messages.push(message);
    return message;
  }
}

/** struct nfgenmsg: family, version, resource. */
export function familyHeader(family: number, resource: number): Buffer {
  return Buffer.from([family, 0, resource >> 8, resource & 0xff]);
}

function describe({ family, name }: TableName): string {
  return `${family} ${name}`;
}

function batchMarker(type: number): MessageBuilder {
  return new MessageBuilder("commit", type, NLM_F_REQUEST, familyHeader(0, NFT.NFNL_SUBSYS_NFTABLES));
}

function encodeExpressions(list: MessageBuilder, rule: readonly Expression[]): void {
  for (const expression of rule) list.nested(NFT.LIST_ELEM, (element) => encodeExpression(element, expression));
}

function encodeExpression(element: MessageBuilder, expression: Expression): void {
  element.string(NFT.EXPR_NAME, expression.name).nested(NFT.EXPR_DATA, (data) => expression.encode(data));
}

function encodeElement(inner: MessageBuilder, set: SetDefinition, { key, data }: SetElement): void {
  inner.nested(NFT.ELEM_KEY, (value) => value.bytes(NFT.DATA_VALUE, encode(set.key, key)));
  if (set.data === undefined || data === undefined) return;
  const types = set.data;
  inner.nested(NFT.ELEM_DATA, (value) => value.bytes(NFT.DATA_VALUE, encode(types, data)));
}

function encode(types: readonly DataType[], values: readonly ElementValue[] | Buffer): Buffer {
  return Buffer.isBuffer(values) ? values : encodeValues(types, values);
}

function describeKey(key: readonly ElementValue[] | Buffer): string {
  return Buffer.isBuffer(key) ? `0x${key.toString("hex")}` : key.join(" . ");
}

function byteOrder(type: number, types: readonly DataType[]): Buffer {
  if (types.length === 0) return Buffer.alloc(0);
  const order = Buffer.alloc(4);
  order.writeUInt32LE(types.length === 1 && types[0] === "ifname" ? HOST_ENDIAN : BIG_ENDIAN);
  return userdata(type, order);
}

function commentBytes(comment: string): Buffer {
  return userdata(COMMENT, Buffer.from(`${comment}\0`));
}

/** nft's own type-length-value records, opaque to the kernel. */
function userdata(type: number, value: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(type, value.byteLength), value]);
}
