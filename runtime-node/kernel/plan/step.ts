import type { ConstantName } from "../constants.ts";
import type { ErrnoName } from "../errno.ts";
import type { SyscallName } from "../syscall-numbers.ts";

/** An argument of a step. All of it is JSON: a plan crosses a socket, is kept, and is printed. */
export type StepArgument =
  | number
  /** A path or other NUL-terminated string. */
  | string
  | null
  | { flags: ConstantName[] }
  /** The result of an earlier step of the plan, by its name: usually an fd. */
  | { result: string }
  /** Bytes, base64, passed by address; `label` is what is printed. */
  | { bytes: string; label?: string }
  /** A NULL-terminated array of strings: argv, envp. */
  | { strings: string[] }
  /** A struct of 64-bit words, passed by address. */
  | { words: StepArgument[] }
  /** A string in which `{pid}` stands for the child's pid; host steps of the parked phase only. */
  | { withPid: string };

/** One system call. Its result is known by `name` to the steps after it. */
export interface Step {
  /** Unique in its plan, for a person: `mount proc`. */
  name: string;
  call: SyscallName;
  args: StepArgument[];
  /** Errnos after which the plan goes on. */
  tolerate?: ErrnoName[];
  /** The least result that is not a failure; 0 when absent. 1 makes an end of file a failure. */
  atLeast?: number;
  /** Child steps: where to go on when the result is above 0 (the parent's side of a second clone). */
  branch?: string;
}

/** The maps of a user namespace, user_namespaces(7): lines of `inside outside count`. */
export interface IdMap {
  uid: readonly IdExtent[];
  gid: readonly IdExtent[];
}
export interface IdExtent {
  inside: number;
  outside: number;
  count: number;
}

/** What the supervisor does on its own thread. */
export type HostStep =
  | ({ kind: "call"; /** The result is an fd, closed when the launch is over. */ opens?: boolean } & Step)
  /** Opens, writes, closes: id maps, cgroup files. `path` may hold `{pid}`. */
  | { kind: "write"; name: string; path: string; text: string; tolerate?: ErrnoName[] }
  /** An fd of a user namespace with this map, for idmapped mounts; kept and shared between launches. */
  | { kind: "user-namespace"; name: string; map: IdMap }
  /** The pidfd of a child that runs, by the id it was launched under. */
  | { kind: "pidfd"; name: string; child: string };

/** How a step went. */
export interface StepOutcome {
  /** null: not reached, or an execve that succeeded. */
  result: number | null;
  microseconds: number | null;
}
