import { execFileSync } from "node:child_process";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { enterPrivateNetwork } from "#kernel/netlink/private-network.ts";
import { NftablesSocket } from "#kernel/nftables/nftables-socket.ts";
import { leaveDockerUser, passDockerUser } from "./docker-user.ts";

const kernel = new LinuxKernel();
const hash = "0123abcd";
const iptables = (...args: string[]): string => execFileSync("iptables-nft", args, { encoding: "utf8" });

/** As dockerd makes it. */
function makeDockerUser(): void {
  iptables("-P", "FORWARD", "DROP");
  iptables("-N", "DOCKER-USER");
  iptables("-A", "DOCKER-USER", "-j", "RETURN");
  iptables("-I", "FORWARD", "-j", "DOCKER-USER");
}

let nftables: NftablesSocket;

beforeAll(() => {
  enterPrivateNetwork(kernel);
  nftables = NftablesSocket.open(kernel);
});
afterAll(() => nftables[Symbol.dispose]());
afterEach(() => void execFileSync("nft", ["flush", "ruleset"]));

test("where there is no such chain nothing is made", () => {
  expect(passDockerUser(nftables, hash)).toBe("absent");
  leaveDockerUser(nftables, hash);
  expect(execFileSync("nft", ["list", "ruleset"], { encoding: "utf8" })).toBe("");
});

test("two rules before all others let our interfaces pass, as iptables reads and writes them", () => {
  makeDockerUser();
  expect(passDockerUser(nftables, hash)).toBe("made");
  expect(iptables("-S", "DOCKER-USER").trim().split("\n")).toEqual([
    "-N DOCKER-USER",
    '-A DOCKER-USER -o sw0123abcd+ -m comment --comment "slipway 0123abcd" -j ACCEPT',
    '-A DOCKER-USER -i sw0123abcd+ -m comment --comment "slipway 0123abcd" -j ACCEPT',
    "-A DOCKER-USER -j RETURN",
  ]);
  expect(passDockerUser(nftables, hash)).toBe("kept");
});

test("rules of a person's stay when ours go, and half of ours is made whole", () => {
  makeDockerUser();
  iptables("-I", "DOCKER-USER", "-s", "192.0.2.1", "-j", "DROP");
  passDockerUser(nftables, hash);
  iptables("-D", "DOCKER-USER", "1");
  expect(passDockerUser(nftables, hash)).toBe("made");
  expect(iptables("-S", "DOCKER-USER").match(/slipway/g)).toHaveLength(2);
  leaveDockerUser(nftables, hash);
  expect(iptables("-S", "DOCKER-USER").trim().split("\n")).toEqual([
    "-N DOCKER-USER",
    "-A DOCKER-USER -s 192.0.2.1/32 -j DROP",
    "-A DOCKER-USER -j RETURN",
  ]);
});
