import type { LeftoverKind } from "#contracts/repair.ts";
import type { Kernel } from "#kernel/kernel.ts";
import { RouteSocket } from "#kernel/netlink/route-socket.ts";
import { NftablesSocket } from "#kernel/nftables/nftables-socket.ts";
import { Transaction } from "#kernel/nftables/transaction.ts";
import { flagBits } from "#kernel/constants.ts";
import { leaveDockerUser } from "../network/docker-user.ts";
import { endProcess } from "./end-process.ts";
import type { FoundProcess } from "./find-processes.ts";
import type { Traces } from "./find-traces.ts";
import { findStaleFiles } from "./find-stale-files.ts";
import { removeCgroupTree } from "./remove-cgroup-tree.ts";
import { hasNews, removeTree } from "./remove-tree.ts";

/** Something that a dead platform has left, and how it goes. */
export interface Removable {
  kind: LeftoverKind;
  name: string;
  ours: string;
  remove: () => Promise<void> | void;
}

/**
 * What a dead platform has left, in the order in which it can be taken away: processes before what they hold, links before the rules that
 * guard them.
 */
export function leftoversOf(kernel: Kernel, traces: Traces): Removable[] {
  const { hash, processes, links, tables, inDockerUser, cgroups, mounts, runFolder, home } = traces;
  return [
    ...processes.map((process) => processLeftover(kernel, process)),
    ...links.map((name) => ({
      kind: "link" as const,
      name,
      ours: `its name begins with sw${hash}`,
      remove: () => removeLink(kernel, name),
    })),
    ...tables.map((table) => ({
      kind: "nft table" as const,
      name: `${table.family} ${table.name}`,
      ours: `its name ends with ${hash}`,
      remove: () => removeTable(kernel, table),
    })),
    ...(inDockerUser
      ? [
          {
            kind: "nft rule" as const,
            name: "rules in DOCKER-USER",
            ours: `their comment is slipway ${hash}`,
            remove: () => leaveOthersRules(kernel, hash),
          },
        ]
      : []),
    ...cgroups.map((path) => ({
      kind: "cgroup" as const,
      name: path,
      ours: `its name is slipway-${hash}`,
      remove: () => removeCgroupTree(kernel, path),
    })),
    ...mounts.map((path) => ({
      kind: "mount" as const,
      name: path,
      ours: "it is in the run folder",
      remove: () => void kernel.call("umount2", path, flagBits(["MNT_DETACH", "UMOUNT_NOFOLLOW"])),
    })),
    // Ends of containers that no agent has heard of are the next server's news.
    ...(runFolder === null || hasNews(runFolder, home)
      ? []
      : [
          {
            kind: "run folder" as const,
            name: runFolder,
            ours: `its name is ${hash}`,
            remove: () => removeTree(runFolder),
          },
        ]),
    ...(home === null ? [] : findStaleFiles(home)),
  ];
}

function processLeftover(kernel: Kernel, found: FoundProcess): Removable {
  const { pid, role, hash, instanceId, home, command } = found;
  const what = role === "container" ? `of container ${instanceId}` : role;
  return {
    kind: role === "container" ? "container" : "process",
    name: `pid ${pid} (${what}: ${command})`,
    ours: role === "container" ? `it is in cgroup slipway-${hash}` : `it was started on ${home}`,
    remove: () => endProcess(kernel, found),
  };
}

function removeLink(kernel: Kernel, name: string): void {
  using routes = RouteSocket.open(kernel);
  // Gone already: with its other end's namespace, or its bridge.
  routes.deleteLink(name);
}

function leaveOthersRules(kernel: Kernel, hash: string): void {
  using nftables = NftablesSocket.open(kernel);
  leaveDockerUser(nftables, hash);
}

function removeTable(kernel: Kernel, table: Traces["tables"][number]): void {
  using nftables = NftablesSocket.open(kernel);
  nftables.commit(new Transaction().deleteTable(table));
}
