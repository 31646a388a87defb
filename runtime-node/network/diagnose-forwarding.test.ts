import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { enterPrivateNetwork } from "#kernel/netlink/private-network.ts";
import { NftablesSocket } from "#kernel/nftables/nftables-socket.ts";
import { diagnoseForwarding, foreignDropPolicies } from "./diagnose-forwarding.ts";
import { passDockerUser } from "./docker-user.ts";
import { Firewall } from "./firewall.ts";
import { writeNetSetting } from "./sysctl.ts";

const IPTABLES = "/usr/sbin/iptables-legacy";
const kernel = new LinuxKernel();
const hash = "0123abcd";
const run = (command: string): void => void execFileSync("sh", ["-c", command]);

beforeAll(() => {
  enterPrivateNetwork(kernel);
  using firewall = new Firewall(kernel, { hash, messagingAddress: "10.83.0.1", messagingPort: 4222 });
  firewall.ensureRuleset();
});
afterEach(() => {
  run(
    "nft delete table ip filter 2>/dev/null; nft delete table inet guard 2>/dev/null; nft delete table ip6 six 2>/dev/null; nft delete table inet firewalld 2>/dev/null; true",
  );
});

describe("the diagnosis of other firewalls", () => {
  it("is content where nobody drops, our own tables not counted", () => {
    expect(foreignDropPolicies(kernel, hash)).toEqual([]);
    expect(diagnoseForwarding(kernel, hash).map((check) => check.verdict)).toEqual(["ok", "ok"]);
  });

  it("finds what docker and ufw leave: a FORWARD or INPUT chain that drops by default", () => {
    run(
      "nft 'add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }'; nft 'add table inet guard; add chain inet guard in { type filter hook input priority 0; policy drop; }'",
    );
    run("nft 'add table ip6 six; add chain ip6 six f { type filter hook forward priority 0; policy drop; }'");
    expect(foreignDropPolicies(kernel, hash)).toEqual([
      { hook: "forward", chain: "ip filter FORWARD", knowsUs: false },
      { hook: "input", chain: "inet guard in", knowsUs: false },
    ]);
    const check = diagnoseForwarding(kernel, hash).find(({ id }) => id === "network.firewall");
    expect(check).toMatchObject({ verdict: "limited", remedy: expect.stringContaining("DOCKER-USER -i sw0123abcd+") });
    expect(check?.found).toBe(
      "ip filter FORWARD refuses what it does not know (forward); inet guard in refuses what it does not know (input)",
    );
  });

  it("is content with Docker's chain once our rules are in DOCKER-USER", () => {
    run("iptables-nft -P FORWARD DROP; iptables-nft -N DOCKER-USER; iptables-nft -I FORWARD -j DOCKER-USER");
    using nftables = NftablesSocket.open(kernel);
    expect(passDockerUser(nftables, hash)).toBe("made");
    const check = diagnoseForwarding(kernel, hash).find(({ id }) => id === "network.firewall");
    expect(check).toMatchObject({ verdict: "ok", found: expect.stringContaining("has rules for our interfaces") });
  });

  it("does not take rules on one chain's way for rules of another one in the same table", () => {
    run("iptables-nft -P FORWARD DROP; iptables-nft -P INPUT DROP; iptables-nft -N DOCKER-USER");
    run("iptables-nft -N FIRST; iptables-nft -A FORWARD -j FIRST; iptables-nft -A FIRST -g DOCKER-USER");
    using nftables = NftablesSocket.open(kernel);
    passDockerUser(nftables, hash);
    expect(foreignDropPolicies(kernel, hash).map(({ hook, knowsUs }) => [hook, knowsUs])).toEqual([
      ["forward", true],
      ["input", false],
    ]);
  });

  it("finds firewalld, whose chains accept by policy and reject by their last rule", () => {
    // The skeleton of what firewalld 1.3 makes.
    run(`nft -f - <<'RULES'
table inet firewalld {
  chain filter_FWD_trusted { accept; }
  chain filter_FORWARD {
    type filter hook forward priority 10; policy accept;
    ct state { established, related } accept
    reject with icmpx admin-prohibited
  }
}
RULES`);
    expect(foreignDropPolicies(kernel, hash)).toEqual([
      { hook: "forward", chain: "inet firewalld filter_FORWARD", knowsUs: false },
    ]);
    run("nft insert rule inet firewalld filter_FORWARD 'iifname \"sw0123abcd*\" goto filter_FWD_trusted'");
    expect(foreignDropPolicies(kernel, hash)).toMatchObject([{ knowsUs: true }]);
  });

  it.skipIf(!existsSync(IPTABLES))(
    "finds the policies of iptables-legacy, which nf_tables does not list (skipped without it)",
    () => {
      run("iptables-legacy -P FORWARD DROP; iptables-legacy -A INPUT -p tcp --dport 22 -j ACCEPT");
      expect(foreignDropPolicies(kernel, hash)).toEqual([
        { hook: "forward", chain: "iptables-legacy FORWARD", knowsUs: false },
      ]);
      run("iptables-legacy -P FORWARD ACCEPT; iptables-legacy -P INPUT DROP");
      expect(foreignDropPolicies(kernel, hash)).toEqual([
        { hook: "input", chain: "iptables-legacy INPUT", knowsUs: false },
      ]);
      run("iptables-legacy -P INPUT ACCEPT; iptables-legacy -F");
      expect(foreignDropPolicies(kernel, hash)).toEqual([]);
    },
  );

  it("says that the machine will route once there is a network, and that it does", () => {
    const forwarding = () => diagnoseForwarding(kernel, hash).find(({ id }) => id === "network.forwarding")?.found;
    writeNetSetting("ipv4/ip_forward", "0");
    expect(forwarding()).toBe("net.ipv4.ip_forward is 0");
    writeNetSetting("ipv4/ip_forward", "1");
    expect(forwarding()).toBe("net.ipv4.ip_forward is 1");
  });
});
