import type { CapabilityName } from "#kernel/capabilities.ts";
import type { IdMap } from "#kernel/plan/step.ts";

/** A directory to be one layer of the root, bottom first. */
export interface LayerSource {
  path: string;
  /** False where the file system cannot be idmapped and the layer is read as it is (owners show as nobody). */
  idmapped: boolean;
}

/** An overlay whose upper directory is on the host and already owned by the container's root. */
export interface RootFileSystem {
  layers: LayerSource[];
  /** Whether the kernel stacks layers that are mounted nowhere: `kernel/detached-layers.ts` finds out. */
  detached: boolean;
  upper: string;
  work: string;
  readOnly: boolean;
}

export type MountPropagation = "private" | "slave";

/** A mount in the container besides the kernel's own file systems. */
export type LaunchMount =
  | {
      kind: "bind";
      source: string;
      /** The source has no symbolic link in it, and the launch fails when it has got one. */
      withoutLinks?: boolean;
      target: string;
      /** The source is not a directory: the mount point is made as a file. */
      file: boolean;
      /** The source is a device node, to be used as one; false for whatever a user names. */
      device?: boolean;
      readOnly: boolean;
      /** How ids on disk become ids of the host: as the container's own are, by a map of its own, or (null) not at all. */
      idmap: "container" | IdMap | null;
      /** Take the mounts below the source along. */
      recursive: boolean;
      propagation: MountPropagation;
      /** Skip the mount point's creation: the image has it. */
      targetExists: boolean;
    }
  | { kind: "tmpfs"; target: string; sizeBytes: number | null; mode: number };

export interface ProcessLaunch {
  argv: string[];
  /** The paths to try for argv[0], in order: one when it holds a slash, else one for each directory of PATH. */
  candidates: string[];
  /** `NAME=value` */
  env: string[];
  workingDir: string;
  uid: number;
  gid: number;
  groups: number[];
  /** The bounding set; root's permitted and effective sets are the same, inheritable and ambient are empty. */
  capabilities: CapabilityName[];
  /** `struct sock_filter[]`, base64. */
  seccompFilter: string;
}

/** Paths the child opens nothing of: the supervisor opens them and the child inherits the fds. */
export interface StdioPaths {
  /** A FIFO to read, or null for /dev/null. */
  stdin: string | null;
  /** FIFOs, opened read-write: a container never gets EPIPE because the platform is down. */
  stdout: string;
  stderr: string;
}

/** Where a container belongs in the cgroup hierarchies; limits are written by the caller. */
export interface CgroupMembership {
  /** Directories of v1 controllers that the child joins. */
  join: string[];
  /** The v2 directory to be born in, also of a hybrid machine's v2 tree; null where there is none. */
  into: string | null;
  /** The v1 hierarchies to show inside, by their mount names (`cpu,cpuacct`), empty where v2 is used. */
  v1Hierarchies: string[];
}

/** What the init is executed from: a memfd, which says that it is executable where the kernel knows that (Linux 6.3), or a file. */
export type InitSource = { from: "memfd"; saysExecutable: boolean } | { from: "file"; path: string };

/** Everything the plan needs: no policy is left in it. */
export interface ContainerLaunch {
  instanceId: string;
  /** The supervisor's run folder: its `m/` has mount points 0…127, its `r` is where the new root is attached. */
  runFolder: string;
  idMap: IdMap;
  root: RootFileSystem;
  mounts: LaunchMount[];
  hostname: string;
  process: ProcessLaunch;
  stdio: StdioPaths;
  cgroup: CgroupMembership;
  /** A minimal init as PID 1; null: the command is PID 1. */
  init: InitSource | null;
  /** Soft and hard RLIMIT_NOFILE. */
  openFiles: { soft: number; hard: number };
  /** proc_pid_oom_score_adj(5): the supervisor's own is not the container's. */
  oomScoreAdj: number;
}
