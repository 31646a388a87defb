import { ERRNO } from "../errno.ts";
import type { Kernel } from "../kernel.ts";
import { MessageBuilder } from "../netlink/message-builder.ts";
import { attributeList, Attributes } from "../netlink/message-parser.ts";
import { isNetlinkErrno, NetlinkError } from "../netlink/netlink-error.ts";
import { NetlinkSocket } from "../netlink/netlink-socket.ts";
import { FAMILY, type Family, type Hook, HOOK, NFT, nftablesType, VERDICT } from "./nftables-constants.ts";
import { familyHeader, type SetDefinition, type TableName, type Transaction } from "./transaction.ts";

const NETLINK_NETFILTER = 12;
const FAMILY_HEADER_BYTES = 4;
const REQUEST = 0x1;
const DUMP = REQUEST | 0x300;

export interface ListedTable extends TableName {
  comment: string | undefined;
}

export interface ListedChain {
  table: TableName;
  name: string;
  /** Undefined for a chain that is only jumped to. */
  hook: Hook | undefined;
  policy: "accept" | "drop" | undefined;
}

export interface ListedRule {
  chain: string;
  handle: Buffer;
  comment: string | undefined;
  /** As the kernel encodes them. */
  expressions: Buffer;
  /** The chains it jumps or goes to; those that a map of verdicts names are not among them. */
  jumps: string[];
}

/** nf_tables of one network namespace, spoken to over nfnetlink. Every method is a few synchronous system calls. */
export class NftablesSocket implements Disposable {
  readonly #socket: NetlinkSocket;

  private constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /** Speaks for the network namespace that this thread is in now. */
  static open(kernel: Kernel): NftablesSocket {
    return new NftablesSocket(NetlinkSocket.open(kernel, NETLINK_NETFILTER));
  }

  /** Makes all changes or none; throws the NetlinkError of the first change that the kernel refused. */
  commit(transaction: Transaction): void {
    if (transaction.isEmpty) return;
    const { errors, acknowledged } = this.#socket.sendBatch(transaction.messages(), "commit an nf_tables transaction");
    if (errors[0] !== undefined) throw errors[0];
    if (!acknowledged) throw new NetlinkError("commit an nf_tables transaction: it was not acknowledged", ERRNO.EIO);
  }

  listTables(): ListedTable[] {
    return this.#dump("list tables", NFT.MSG_GETTABLE, "any").map(({ family, attributes }) => ({
      family,
      name: attributes.string(NFT.TABLE_NAME) ?? "",
      comment: parseComment(attributes.bytes(NFT.TABLE_USERDATA)),
    }));
  }

  /** Every chain of every table, other programs' among them. */
  listChains(): ListedChain[] {
    return this.#dump("list chains", NFT.MSG_GETCHAIN, "any").map(({ family, attributes }) => {
      const policy = attributes.be32(NFT.CHAIN_POLICY);
      const hookNumber = attributes.nested(NFT.CHAIN_HOOK).be32(NFT.HOOK_HOOKNUM);
      return {
        table: { family, name: attributes.string(NFT.CHAIN_TABLE) ?? "" },
        name: attributes.string(NFT.CHAIN_NAME) ?? "",
        hook: HOOK_NAMES.find((name) => HOOK[name] === hookNumber),
        policy: policy === undefined ? undefined : policy === VERDICT.drop ? "drop" : "accept",
      };
    });
  }

  /** The rules of a table, or of one of its chains, in their order; none when it is not there. */
  listRules(table: TableName, chain?: string): ListedRule[] {
    const fill = (message: MessageBuilder): MessageBuilder => {
      message.string(NFT.RULE_TABLE, table.name);
      return chain === undefined ? message : message.string(NFT.RULE_CHAIN, chain);
    };
    return this.#dump(`list rules of ${table.name}`, NFT.MSG_GETRULE, table.family, fill).map(({ attributes }) => {
      const expressions = attributes.bytes(NFT.RULE_EXPRESSIONS) ?? Buffer.alloc(0);
      return {
        chain: attributes.string(NFT.RULE_CHAIN) ?? "",
        handle: attributes.bytes(NFT.RULE_HANDLE) ?? Buffer.alloc(8),
        comment: parseComment(attributes.bytes(NFT.RULE_USERDATA)),
        expressions,
        jumps: attributeList(expressions).flatMap(([, expression]) => jumpOf(new Attributes(expression)) ?? []),
      };
    });
  }

  /** How many rules each chain of a table has. */
  countRules(table: TableName): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { chain } of this.listRules(table)) counts.set(chain, (counts.get(chain) ?? 0) + 1);
    return counts;
  }

  /** The encoded keys and values of a set's elements; none when there is no such set. */
  listElements(table: TableName, set: SetDefinition): { key: Buffer; data: Buffer | undefined }[] {
    const fill = (message: MessageBuilder): MessageBuilder =>
      message.string(NFT.ELEM_LIST_TABLE, table.name).string(NFT.ELEM_LIST_SET, set.name);
    try {
      return this.#dump(`list elements of ${set.name}`, NFT.MSG_GETSETELEM, table.family, fill).flatMap(({ attributes }) =>
        attributeList(attributes.bytes(NFT.ELEM_LIST_ELEMENTS) ?? Buffer.alloc(0)).map(([, element]) =>
          parseElement(element),
        ),
      );
    } catch (error) {
      if (isNetlinkErrno(error, "ENOENT")) return [];
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }

  #dump(purpose: string, type: number, family: Family | "any", fill?: (message: MessageBuilder) => MessageBuilder) {
    const message = new MessageBuilder(purpose, nftablesType(type), DUMP, familyHeader(FAMILY[family], 0));
    fill?.(message);
    return this.#socket.dump(message).flatMap(({ payload }) => {
      const found = FAMILY_NAMES.find((name) => FAMILY[name] === payload[0]);
      // A family we have no name for (netdev) holds nothing that concerns us.
      return found === undefined
        ? []
        : [{ family: found, attributes: new Attributes(payload.subarray(FAMILY_HEADER_BYTES)) }];
    });
  }
}

const FAMILY_NAMES = Object.keys(FAMILY) as Family[];
const HOOK_NAMES = Object.keys(HOOK) as Hook[];

function parseElement(element: Buffer): { key: Buffer; data: Buffer | undefined } {
  const attributes = new Attributes(element);
  return {
    key: attributes.nested(NFT.ELEM_KEY).bytes(NFT.DATA_VALUE) ?? Buffer.alloc(0),
    data: attributes.nested(NFT.ELEM_DATA).bytes(NFT.DATA_VALUE),
  };
}

function jumpOf(expression: Attributes): string | undefined {
  if (expression.string(NFT.EXPR_NAME) !== "immediate") return undefined;
  const data = expression.nested(NFT.EXPR_DATA).nested(NFT.IMMEDIATE_DATA);
  return data.nested(NFT.DATA_VERDICT).string(NFT.VERDICT_CHAIN);
}

function parseComment(userdata: Buffer | undefined): string | undefined {
  if (userdata === undefined || userdata.byteLength < 2 || userdata[0] !== 0) return undefined;
  return userdata.toString("utf8", 2, 2 + (userdata[1] ?? 0)).replace(/\0$/, "");
}
