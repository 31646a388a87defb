import type { Kernel } from "#kernel/kernel.ts";
import { isNetlinkErrno } from "#kernel/netlink/netlink-error.ts";
import { NftablesSocket } from "#kernel/nftables/nftables-socket.ts";
import { Transaction } from "#kernel/nftables/transaction.ts";
import { type FirewallElement, placeOf, valueOf } from "./firewall-elements.ts";
import {
  addRuleset,
  platformTable,
  ruleCounts,
  rulesetFingerprint,
  type RulesetOptions,
  type SetName,
  SETS,
} from "./ruleset.ts";

const FAMILIES = ["ip", "bridge"] as const;
const SET_NAMES = Object.keys(SETS) as SetName[];

/**
 * The platform's two nf_tables tables and their elements. It knows which elements are wanted, so that whatever another program
 * did to the tables, one transaction sets them right.
 */
export class Firewall implements Disposable {
  readonly #options: RulesetOptions;
  readonly #nftables: NftablesSocket;
  readonly #fingerprint: string;
  readonly #wanted = new Map<string, FirewallElement>();

  constructor(kernel: Kernel, options: RulesetOptions) {
    this.#options = options;
    this.#fingerprint = rulesetFingerprint(options);
    this.#nftables = NftablesSocket.open(kernel);
  }

  /** Makes the tables when they are missing, of another version or tampered with; leaves right ones and their elements alone. */
  ensureRuleset(): "kept" | "made" {
    if (this.#isIntact()) return "kept";
    const transaction = this.#replacement();
    this.#addElements(transaction, [...this.#wanted.values()]);
    this.#nftables.commit(transaction);
    return "made";
  }

  /** One transaction. Where the kernel's sets are not what they should be, everything is set right at once. */
  add(elements: readonly FirewallElement[]): void {
    for (const element of elements) this.#wanted.set(placeOf(element), element);
    const transaction = new Transaction();
    this.#addElements(transaction, elements);
    this.#commitOrReconcile(transaction);
  }

  remove(elements: readonly FirewallElement[]): void {
    for (const element of elements) this.#wanted.delete(placeOf(element));
    const transaction = new Transaction();
    for (const [name, members] of Map.groupBy(elements, (element) => element.set)) {
      transaction.deleteElements(this.#table(name), SETS[name], members);
    }
    this.#commitOrReconcile(transaction);
  }

  /** Makes these the wanted elements, and the kernel's sets hold them and nothing else. */
  reset(elements: readonly FirewallElement[]): "kept" | "changed" | "made" {
    this.#wanted.clear();
    for (const element of elements) this.#wanted.set(placeOf(element), element);
    return this.#reconcile();
  }

  /** Deletes both tables, whoever filled them. */
  removeTables(): void {
    this.#wanted.clear();
    const transaction = new Transaction();
    for (const family of FAMILIES) {
      if (this.#listed(family) !== undefined) transaction.deleteTable(platformTable(this.#options.hash, family));
    }
    this.#nftables.commit(transaction);
  }

  [Symbol.dispose](): void {
    this.#nftables[Symbol.dispose]();
  }

  #commitOrReconcile(transaction: Transaction): void {
    try {
      this.#nftables.commit(transaction);
    } catch (error) {
      if (!isNetlinkErrno(error, "ENOENT", "EEXIST")) throw error;
      this.#reconcile();
    }
  }

  #reconcile(): "kept" | "changed" | "made" {
    if (this.ensureRuleset() === "made") return "made";
    const transaction = new Transaction();
    for (const name of SET_NAMES) this.#reconcileSet(transaction, name);
    this.#nftables.commit(transaction);
    return transaction.isEmpty ? "kept" : "changed";
  }

  #reconcileSet(transaction: Transaction, name: SetName): void {
    const missing = new Map([...this.#wanted].filter(([, element]) => element.set === name));
    const surplus: { key: Buffer }[] = [];
    for (const { key, data } of this.#nftables.listElements(this.#table(name), SETS[name])) {
      const place = `${name}:${key.toString("hex")}`;
      const wanted = missing.get(place);
      if (wanted !== undefined && valueOf(wanted) === (data?.toString("hex") ?? "")) missing.delete(place);
      else surplus.push({ key });
    }
    transaction.deleteElements(this.#table(name), SETS[name], surplus);
    transaction.addElements(this.#table(name), SETS[name], [...missing.values()]);
  }

  /** Adding before deleting makes the deletion succeed whether or not there was a table. */
  #replacement(): Transaction {
    const transaction = new Transaction();
    for (const family of FAMILIES) {
      const table = platformTable(this.#options.hash, family);
      transaction.addTable(table).deleteTable(table);
    }
    addRuleset(transaction, this.#options, this.#fingerprint);
    return transaction;
  }

  #addElements(transaction: Transaction, elements: readonly FirewallElement[]): void {
    for (const [name, members] of Map.groupBy(elements, (element) => element.set)) {
      transaction.addElements(this.#table(name), SETS[name], members);
    }
  }

  #isIntact(): boolean {
    return FAMILIES.every((family) => {
      if (this.#listed(family)?.comment !== this.#fingerprint) return false;
      const found = this.#nftables.countRules(platformTable(this.#options.hash, family));
      const expected = ruleCounts(this.#options, family);
      return found.size === expected.size && [...expected].every(([chain, count]) => found.get(chain) === count);
    });
  }

  #listed(family: "ip" | "bridge") {
    const { name } = platformTable(this.#options.hash, family);
    return this.#nftables.listTables().find((table) => table.family === family && table.name === name);
  }

  #table(set: SetName) {
    return platformTable(this.#options.hash, SETS[set].table);
  }
}
