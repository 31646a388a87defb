import { isNetlinkErrno } from "#kernel/netlink/netlink-error.ts";
import { counter, equals, type Expression, verdict } from "#kernel/nftables/expressions.ts";
import * as packet from "#kernel/nftables/fields.ts";
import type { NftablesSocket } from "#kernel/nftables/nftables-socket.ts";
import { type TableName, Transaction } from "#kernel/nftables/transaction.ts";
import { interfacePrefix } from "./interface-names.ts";

/** iptables-nft's filter table. iptables-legacy's cannot be changed here: `doctor` says what to do. */
const TABLE: TableName = { family: "ip", name: "filter" };
/** The chain that Docker asks first and leaves to others ("Packet filtering and firewalls" in its manual). */
const CHAIN = "DOCKER-USER";

/** absent: there is no such chain. kept: our rules are in it. made: they were not, and are now. */
export type DockerUserState = "absent" | "kept" | "made";

/**
 * Docker's FORWARD chain drops by default. Where it is, two rules in DOCKER-USER let packets of our bridges pass on to the verdict of
 * our own rules; they look as iptables would have made them. Nothing else of Docker's is changed.
 */
export function passDockerUser(nftables: NftablesSocket, hash: string): DockerUserState {
  if (!hasChain(nftables)) return "absent";
  const ours = ownRules(nftables, hash);
  const wanted = rules(hash);
  if (ours.length === wanted.length) return "kept";
  const transaction = new Transaction();
  for (const { handle } of ours) transaction.deleteRule(TABLE, CHAIN, handle);
  for (const rule of wanted) transaction.insertRule(TABLE, CHAIN, rule, comment(hash));
  return commitUnlessGone(nftables, transaction) ? "made" : "absent";
}

/** Takes our rules out again. */
export function leaveDockerUser(nftables: NftablesSocket, hash: string): void {
  const transaction = new Transaction();
  for (const { handle } of ownRules(nftables, hash)) transaction.deleteRule(TABLE, CHAIN, handle);
  commitUnlessGone(nftables, transaction);
}

function hasChain(nftables: NftablesSocket): boolean {
  return nftables
    .listChains()
    .some(({ table, name }) => table.family === TABLE.family && table.name === TABLE.name && name === CHAIN);
}

function ownRules(nftables: NftablesSocket, hash: string): { handle: Buffer }[] {
  return nftables.listRules(TABLE, CHAIN).filter((rule) => rule.comment === comment(hash));
}

/** False when Docker took its chain away between our look and our change. */
function commitUnlessGone(nftables: NftablesSocket, transaction: Transaction): boolean {
  try {
    nftables.commit(transaction);
    return true;
  } catch (error) {
    if (isNetlinkErrno(error, "ENOENT")) return false;
    throw error;
  }
}

/** What our bridges' names begin with, compared without its end: `iptables -i sw1f3a9c07+`. */
function rules(hash: string): Expression[][] {
  const ours = Buffer.from(interfacePrefix(hash));
  return [packet.inputInterface, packet.outputInterface].map((side) => [
    ...equals(side, ours),
    ...counter(),
    ...verdict("accept"),
  ]);
}

function comment(hash: string): string {
  return `slipway ${hash}`;
}
