/** What `slipway doctor --repair` finds on a machine, and what becomes of it. It needs no server: the CLI starts it as a process. */
export interface RepairReport {
  /** Nothing was changed. */
  dryRun: boolean;
  /** Every platform that has left a trace on the machine. */
  platforms: PlatformVerdict[];
  leftovers: Leftover[];
}

/**
 * live: a server runs on it. resting: its server has ended and its containers run on, for the next server to adopt. unclear:
 * something of it runs and nobody knows where its home is. These are let be. stopped: its home is there, and nothing of it runs.
 * gone: its home is not there any more, or nobody knows where it was, and no server can come back to it.
 */
export type PlatformState = "live" | "resting" | "unclear" | "stopped" | "gone";

export interface PlatformVerdict {
  /** Names its links, tables, cgroups and run folder. */
  hash: string;
  home: string | null;
  state: PlatformState;
  /** How that was found out, a sentence. */
  because: string;
}

export type LeftoverKind =
  | "process"
  | "container"
  | "link"
  | "nft table"
  | "nft rule"
  | "cgroup"
  | "mount"
  | "run folder"
  | "file";

/** One thing that a platform which is stopped or gone has left. */
export interface Leftover {
  kind: LeftoverKind;
  /** `sw1f3a9c07p`, `pid 712 (nats-server)`, a path. */
  name: string;
  hash: string;
  home: string | null;
  /** By what it is known to be ours. */
  ours: string;
  /** found: by a dry run. */
  fate: "removed" | "found" | "failed";
  /** Why it could not be removed. */
  error?: string;
}

/** What the process prints, one line of JSON. */
export type RepairAnswer = { report: RepairReport } | { problem: import("./slipway-error.ts").Problem };
