import { COMPOSE_KEYS, type ComposeKey } from "./keys.ts";
import type { Located, LocatedEntry } from "./located.ts";
import type { Report } from "./report.ts";
import { suggest } from "./suggest.ts";

/** The table of keys as a tree: what may stand inside a value. */
interface KeyNode {
  key: ComposeKey | undefined;
  named: Map<string, KeyNode>;
  anyName: KeyNode | undefined;
  item: KeyNode | undefined;
}

const emptyNode = (): KeyNode => ({ key: undefined, named: new Map(), anyName: undefined, item: undefined });
const KEY_TREE = buildTree(COMPOSE_KEYS);

/** Refuses every key that is not enforced, wherever it stands in the file. */
export function checkKeys(root: Located, report: Report): void {
  checkValue(root, KEY_TREE, "", report);
}

function checkValue(value: Located, node: KeyNode, path: string, report: Report): void {
  if (value.kind === "list" && node.item !== undefined) {
    for (const item of value.items) checkValue(item, node.item, path, report);
  }
  if (value.kind !== "map") return;
  for (const [name, entry] of value.entries) {
    const inside = path === "" ? name : `${path}.${name}`;
    if (node.anyName !== undefined) checkValue(entry.value, node.anyName, inside, report);
    else if (node.named.size > 0) checkNamed(name, entry, node, path, report);
  }
}

function checkNamed(name: string, entry: LocatedEntry, node: KeyNode, path: string, report: Report): void {
  const child = node.named.get(name);
  const inside = path === "" ? name : `${path}.${name}`;
  if (child?.key?.status === "enforced") return checkValue(entry.value, child, inside, report);
  const where = path === "" ? "the top level" : path;
  if (child?.key !== undefined) {
    const remedy = child.key.note === "" ? {} : { remedy: child.key.note };
    const message = `${name} (in ${where}) is a key of the Compose Specification that Slipway does not enforce`;
    report.add(
      "SLIPWAY_COMPOSE_KEY_NOT_ENFORCED",
      name.startsWith("x-") ? `${inside} is not there yet` : message,
      entry.keyPlace,
      remedy,
    );
    return;
  }
  const meant = suggest(name, node.named.keys());
  // Any x- key is the reader's own business, but one letter beside x-slipway is a slip that must not go unnoticed.
  if (name.startsWith("x-") && !(meant?.startsWith("x-") ?? false)) return;
  report.add(
    "SLIPWAY_COMPOSE_UNKNOWN_KEY",
    `${JSON.stringify(name)} is no key of ${where}`,
    entry.keyPlace,
    remedyFor(name, meant),
  );
}

function remedyFor(name: string, meant: string | undefined): { remedy?: string } {
  if (meant !== undefined) return { remedy: `Did you mean ${JSON.stringify(meant)}?` };
  const elsewhere = COMPOSE_KEYS.find((key) => key.status === "enforced" && key.path.endsWith(`.${name}`));
  return elsewhere === undefined ? {} : { remedy: `Its place is ${elsewhere.path.replaceAll("*", "<name>")}.` };
}

function buildTree(keys: readonly ComposeKey[]): KeyNode {
  const root = emptyNode();
  for (const key of keys) {
    let node = root;
    for (const token of key.path.split(/\.|(?=\[\])/)) node = step(node, token);
    node.key = key;
  }
  return root;
}

function step(node: KeyNode, token: string): KeyNode {
  if (token === "*") return (node.anyName ??= emptyNode());
  if (token === "[]") return (node.item ??= emptyNode());
  const existing = node.named.get(token) ?? emptyNode();
  node.named.set(token, existing);
  return existing;
}
