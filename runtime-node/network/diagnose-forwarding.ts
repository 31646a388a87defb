import type { DoctorCheck } from "#contracts/api.ts";
import type { Kernel } from "#kernel/kernel.ts";
import { type ListedRule, NftablesSocket } from "#kernel/nftables/nftables-socket.ts";
import { interfacePrefix } from "./interface-names.ts";
import { legacyFilterPolicies } from "./legacy-iptables.ts";
import { platformTable } from "./ruleset.ts";
import { readNetSetting } from "./sysctl.ts";

/** What another program's firewall does, unless told otherwise, on a way that our packets take. */
export interface ForeignPolicy {
  hook: "forward" | "input";
  /** `ip filter FORWARD`, as `nft list` names it, or `iptables-legacy FORWARD`. */
  chain: string;
  /** Rules that it comes to name our interfaces: somebody has told it about us. */
  knowsUs: boolean;
}

/**
 * For `doctor`: whether this machine's other firewalls let container traffic pass. Every base chain on a hook has a veto, so
 * our own accepting does not help where Docker's, ufw's or firewalld's chain refuses what it does not know.
 */
export function diagnoseForwarding(kernel: Kernel, hash: string): DoctorCheck[] {
  return [forwardingCheck(), foreignFirewallCheck(foreignDropPolicies(kernel, hash), hash)];
}

/** The chains of other programs that refuse what they do not know, on the way between containers and the outside, or to the host. */
export function foreignDropPolicies(kernel: Kernel, hash: string): ForeignPolicy[] {
  using nftables = NftablesSocket.open(kernel);
  const ours = platformTable(hash, "ip").name;
  const found = nftables.listChains().flatMap(({ table, name, hook, policy }): ForeignPolicy[] => {
    const seesOurPackets = table.family === "ip" || table.family === "inet";
    // firewalld's chains have the policy accept, and a reject as their last rule.
    const refuses = policy === "drop" || table.name === FIREWALLD;
    if (table.name === ours || !seesOurPackets || !refuses) return [];
    if (hook !== "forward" && hook !== "input") return [];
    return [
      {
        hook,
        chain: `${table.family} ${table.name} ${name}`,
        knowsUs: namesOurInterfaces(nftables.listRules(table), name, hash),
      },
    ];
  });
  const legacy = legacyFilterPolicies(kernel);
  for (const hook of ["forward", "input"] as const) {
    if (legacy?.[hook] === "drop") found.push({ hook, chain: `iptables-legacy ${hook.toUpperCase()}`, knowsUs: false });
  }
  return found;
}

const FIREWALLD = "firewalld";

/** Only rules that the chain comes to by its jumps: ufw's of INPUT say nothing about FORWARD, which has the same table. */
function namesOurInterfaces(rules: readonly ListedRule[], baseChain: string, hash: string): boolean {
  const byChain = Map.groupBy(rules, ({ chain }) => chain);
  const reached = new Set([baseChain]);
  for (const chain of reached) {
    for (const { expressions, jumps } of byChain.get(chain) ?? []) {
      if (expressions.includes(interfacePrefix(hash))) return true;
      for (const target of jumps) reached.add(target);
    }
  }
  return false;
}

function forwardingCheck(): DoctorCheck {
  const enabled = readNetSetting("ipv4/ip_forward") === "1";
  return {
    id: "network.forwarding",
    verdict: "ok",
    found: enabled ? "net.ipv4.ip_forward is 1" : "net.ipv4.ip_forward is 0",
    means: enabled
      ? "This machine routes between its interfaces: containers reach the outside."
      : "The first network that Slipway makes sets it to 1: this machine then routes between its interfaces.",
    remedy: enabled
      ? ""
      : "If the machine must not route for others, drop forwarding between its own interfaces in its firewall.",
  };
}

function foreignFirewallCheck(policies: ForeignPolicy[], hash: string): DoctorCheck {
  const id = "network.firewall";
  if (policies.length === 0) {
    const means = "Nothing but Slipway's own rules decides over container traffic by default.";
    return { id, verdict: "ok", found: "no other firewall refuses what it does not know", means, remedy: "" };
  }
  const found = policies.map(describe).join("; ");
  const refusing = policies.filter(({ knowsUs }) => !knowsUs);
  const hooks = new Set(refusing.map(({ hook }) => hook));
  if (hooks.size === 0)
    return {
      id,
      verdict: "ok",
      found,
      means: "They have rules for our interfaces and let container traffic pass.",
      remedy: "",
    };
  return {
    id,
    verdict: "limited",
    found,
    means: [...hooks].map((hook) => (hook === "forward" ? meansForForwarding(refusing) : MEANS_FOR_INPUT)).join(" "),
    remedy: `Accept the interfaces ${interfacePrefix(hash)}* there: ${[...hooks].map((hook) => remedy(hook, hash)).join("; ")}.`,
  };
}

function describe({ chain, hook, knowsUs }: ForeignPolicy): string {
  return `${chain} refuses what it does not know (${hook})${knowsUs ? ", and has rules for our interfaces" : ""}`;
}

/** With br_netfilter (Docker loads it) frames that never leave a bridge pass the forward chains too. */
function meansForForwarding(policies: readonly ForeignPolicy[]): string {
  const isBridgeFiltered = readNetSetting("bridge/bridge-nf-call-iptables") === "1";
  const within = isBridgeFiltered ? "reach neither each other nor anything outside" : "reach nothing outside";
  // firewalld accepts whatever was translated.
  const isOnlyFirewalld = policies.every(({ hook, chain }) => hook !== "forward" || chain.startsWith(`inet ${FIREWALLD} `));
  const ports = isOnlyFirewalld ? "published ports are reached" : "nothing outside reaches published ports";
  return `Unless it accepts them, containers ${within}${isOnlyFirewalld ? "; " : ", and "}${ports}.`;
}

const MEANS_FOR_INPUT =
  "Unless it accepts them, containers reach neither DNS (port 53 of their gateway) nor messaging on this machine.";

function remedy(hook: ForeignPolicy["hook"], hash: string): string {
  const ours = `${interfacePrefix(hash)}+`;
  return hook === "forward"
    ? `with Docker on iptables-legacy \`iptables -I DOCKER-USER -i ${ours} -j ACCEPT\` and \`iptables -I DOCKER-USER -o ${ours} -j ACCEPT\` (on iptables-nft Slipway does it), with firewalld \`firewall-cmd --permanent --zone=trusted --add-interface=${ours}\` and \`firewall-cmd --reload\`, with ufw \`ufw route allow in on ${ours}\` and \`ufw route allow out on ${ours}\``
    : `with firewalld the same, with ufw \`ufw allow in on ${ours}\`, else \`iptables -I INPUT -i ${ours} -j ACCEPT\``;
}
