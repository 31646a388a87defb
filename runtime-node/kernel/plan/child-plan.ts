import type { ConstantName } from "../constants.ts";
import type { HostStep, Step } from "./step.ts";

/**
 * One child from nothing to execve, as data. In order:
 *
 * | phase | who | what |
 * |---|---|---|
 * | prepare | host thread | opens what the child inherits: stdio, a cgroup; where files are shared, while it is being cloned |
 * | clone | koffi thread | clone3 with CLONE_VM, CLONE_VFORK and CLONE_PIDFD |
 * | parked | host thread | while the child waits for its release: id maps, mounts by them; the caller wires its network |
 * | child | the child | the rest, in its namespaces, ending in execve |
 * | cleanup | host thread | always: what prepare attached is detached; fds are closed |
 */
export interface ChildPlan {
  prepare: HostStep[];
  /** Namespaces of the first clone; VM, VFORK, PIDFD, PARENT_SETTID and CLEAR_SIGHAND are always added. */
  namespaces: ConstantName[];
  /** Name of the prepare step whose fd is the cgroup v2 directory to be born in (CLONE_INTO_CGROUP). */
  intoCgroup?: string;
  parked: HostStep[];
  /**
   * Name of the child step up to which it shares this process's files (CLONE_FILES): that step takes a copy, so what host steps opened until its
   * release is the child's too. Of `prepare` only what the clone needs, up to {@link intoCgroup}, is made before it. Absent: it has its own from the start.
   */
  sharesFilesUntil?: string;
  child: Step[];
  /** Name of the child step that clones a second time, with CLONE_PARENT: that pid is the one that matters. Absent: the first. */
  pidFrom?: string;
  cleanup: HostStep[];
}

/** Names of the release pipe's ends, which every plan may use as results. */
export const RELEASE_READ = "release pipe, read end";
export const RELEASE_WRITE = "release pipe, write end";
/** Name of an address that every plan may use as a result: two struct pollfd, of the release pipe and of this process's end. */
export const WAITED_FOR = "release pipe and supervisor";
/** Name of an address that every plan may use as a result: where a second clone stores its pid (CLONE_PARENT_SETTID). */
export const SECOND_PID = "where the second pid goes";

/**
 * The child's first steps: to die with its parent, let go of our end of the pipe, and wait to be released. An end of the pipe would say
 * that the parent is gone, but for other children that wait: until they exec they have a copy of every fd, the home's lock among them.
 */
export const WAIT_FOR_RELEASE: readonly Step[] = [
  {
    name: "die with the supervisor",
    call: "prctl",
    args: [{ flags: ["PR_SET_PDEATHSIG"] }, { flags: ["SIGKILL"] }, 0, 0, 0],
  },
  { name: "close the parent's end", call: "close", args: [{ result: RELEASE_WRITE }] },
  {
    name: "wait for release",
    call: "read",
    args: [{ result: RELEASE_READ }, { bytes: Buffer.alloc(8).toString("base64"), label: '"\\1"' }, 1],
    atLeast: 1,
  },
  { name: "outlive the supervisor", call: "prctl", args: [{ flags: ["PR_SET_PDEATHSIG"] }, 0, 0, 0, 0] },
];

export const OWN_FILES = "files of its own";

/**
 * The same for a child that shares its parent's files, the pipe's writing end among them: it waits for the parent's end too (a pidfd polls readable,
 * pidfd_open(2)), finds no release then, and gives up. From its copy of the files on they are its own to close.
 */
export const WAIT_WITH_SHARED_FILES: readonly Step[] = [
  {
    name: "wait for release or the supervisor's end",
    call: "ppoll",
    args: [{ result: WAITED_FOR }, 2, null, null, 0],
    atLeast: 1,
  },
  {
    name: "take the release",
    call: "read",
    args: [{ result: RELEASE_READ }, { bytes: Buffer.alloc(8).toString("base64"), label: '"\\1"' }, 1],
    atLeast: 1,
  },
  { name: OWN_FILES, call: "unshare", args: [{ flags: ["CLONE_FILES"] }] },
];
