import { CAPABILITIES, type CapabilityName } from "#kernel/capabilities.ts";
import type { HostStep, Step, StepArgument } from "#kernel/plan/step.ts";
import type { ProcessLaunch, StdioPaths } from "./container-launch.ts";
import { AT_FDCWD, flags, onHost, result } from "./steps.ts";

const FIRST_FREE_FD = 3;
const LAST_FD = 0xffffffff;
const SIGSET_BYTES = 8;
const DEFAULT_UMASK = 0o022;
const LINUX_CAPABILITY_VERSION_3 = 0x20080522;
const HIGHEST_CAPABILITY = 63;

const bytes = (content: Uint8Array, label: string): StepArgument => ({
  bytes: Buffer.from(content).toString("base64"),
  label,
});

/** On the host: the fds that become 0, 1 and 2. */
export function openStdio({ stdin, stdout, stderr }: StdioPaths): HostStep[] {
  const open = (name: string, path: string, ...how: Parameters<typeof flags>): HostStep =>
    onHost({ name, call: "openat", args: [AT_FDCWD, path, flags(...how, "O_CLOEXEC"), 0] }, true);
  return [
    // O_NONBLOCK only to open without a writer; it is taken off again.
    stdin === null ? open("stdin", "/dev/null", "O_RDONLY") : open("stdin", stdin, "O_RDONLY", "O_NONBLOCK"),
    onHost({ name: "make stdin blocking", call: "fcntl", args: [result("stdin"), flags("F_SETFL"), 0] }),
    open("stdout", stdout, "O_RDWR"),
    open("stderr", stderr, "O_RDWR"),
  ];
}

interface SettleOptions {
  signals: "unblocked" | "blocked";
  /** Steps that put fds on the numbers from 3 on, one each: these stay open. */
  keep: Step[];
}

/**
 * In the child: fds 0 to 2 are ours (Node's are CLOEXEC), signals are as a program expects them (Node ignores SIGPIPE and SIGXFSZ,
 * and an ignored signal stays ignored over execve). All other fds are closed now and not at exec: a working directory or a
 * command named /proc/self/fd/N would be the host's (CVE-2024-21626).
 */
export function settleProcess(
  openFiles: { soft: number; hard: number },
  { signals, keep }: SettleOptions = { signals: "unblocked", keep: [] },
): Step[] {
  const defaultAction = bytes(new Uint8Array(32), "{SIG_DFL}");
  const limit = Buffer.from(new BigUint64Array([BigInt(openFiles.soft), BigInt(openFiles.hard)]).buffer);
  return [
    ...["stdin", "stdout", "stderr"].map((name, fd): Step => ({
      name: `${name} is ${fd}`,
      call: "dup3",
      args: [result(name), fd, 0],
    })),
    ...keep,
    { name: "close the rest", call: "close_range", args: [FIRST_FREE_FD + keep.length, LAST_FD, 0] },
    { name: "umask", call: "umask", args: [DEFAULT_UMASK] },
    {
      name: "limit open files",
      call: "prlimit64",
      args: [0, flags("RLIMIT_NOFILE"), bytes(limit, `{rlim_cur=${openFiles.soft}, rlim_max=${openFiles.hard}}`), null],
    },
    { name: "SIGPIPE to its default", call: "rt_sigaction", args: [flags("SIGPIPE"), defaultAction, null, SIGSET_BYTES] },
    { name: "SIGXFSZ to its default", call: "rt_sigaction", args: [flags("SIGXFSZ"), defaultAction, null, SIGSET_BYTES] },
    ...(signals === "blocked" ? [] : [unblockSignals()]),
  ];
}

function unblockSignals(): Step {
  return {
    name: "unblock all signals",
    call: "rt_sigprocmask",
    args: [flags("SIG_SETMASK"), bytes(new Uint8Array(SIGSET_BYTES), "[]"), null, SIGSET_BYTES],
  };
}

/** After the fds are settled. */
export function stand(workingDir: string): Step {
  return { name: "working directory", call: "chdir", args: [workingDir] };
}

/** Who the process is: bounding set, groups, ids, the five capability sets. seccomp comes last before exec. */
export function becomeUser({ uid, gid, groups, capabilities }: ProcessLaunch): Step[] {
  const kept = new Set<number>(capabilities.map((name) => CAPABILITIES[name]));
  const dropped = Object.entries(CAPABILITIES).filter(([, number]) => !kept.has(number));
  return [
    // EINVAL: a capability newer than the kernel.
    ...dropped.map(([name, number]): Step => ({
      name: `drop ${name}`,
      call: "prctl",
      args: [flags("PR_CAPBSET_DROP"), number, 0, 0, 0],
      tolerate: ["EINVAL"],
    })),
    { name: "keep capabilities over setuid", call: "prctl", args: [flags("PR_SET_KEEPCAPS"), 1, 0, 0, 0] },
    { name: "supplementary groups", call: "setgroups", args: [groups.length, groupList(groups)] },
    { name: "become the group", call: "setresgid", args: [gid, gid, gid] },
    { name: "become the user", call: "setresuid", args: [uid, uid, uid] },
    { name: "set the capabilities", call: "capset", args: capabilityData(capabilities) },
    {
      name: "no ambient capabilities",
      call: "prctl",
      args: [flags("PR_CAP_AMBIENT"), flags("PR_CAP_AMBIENT_CLEAR_ALL"), 0, 0, 0],
    },
    { name: "no longer keep them", call: "prctl", args: [flags("PR_SET_KEEPCAPS"), 0, 0, 0, 0] },
    { name: "no new privileges", call: "prctl", args: [flags("PR_SET_NO_NEW_PRIVS"), 1, 0, 0, 0] },
  ];
}

/** The seccomp filter, and execve along PATH: a file that is not there, or not ours to run, lets the next be tried. */
export function filterAndExec({ seccompFilter, argv, candidates, env }: ProcessLaunch): Step[] {
  const last = candidates.length - 1;
  return [
    filterCalls(seccompFilter),
    ...candidates.map((path, index): Step => ({
      name: `exec ${path}`,
      call: "execve",
      args: [path, { strings: argv }, { strings: env }],
      ...(index === last ? {} : { tolerate: ["ENOENT", "ENOTDIR", "EACCES"] }),
    })),
  ];
}

export function filterCalls(seccompFilter: string): Step {
  const instructions = Buffer.from(seccompFilter, "base64").byteLength / 8;
  const program: StepArgument = {
    words: [instructions, { bytes: seccompFilter, label: `[${instructions} instructions]` }],
  };
  return { name: "filter system calls", call: "seccomp", args: [flags("SECCOMP_SET_MODE_FILTER"), 0, program] };
}

function groupList(groups: readonly number[]): StepArgument {
  return groups.length === 0 ? null : bytes(Buffer.from(new Uint32Array(groups).buffer), `[${groups.join(", ")}]`);
}

/** capget(2): header of version and pid, then effective, permitted, inheritable for the low and the high 32. */
function capabilityData(capabilities: readonly CapabilityName[]): StepArgument[] {
  const mask = capabilities.reduce((bits, name) => bits | (1n << BigInt(CAPABILITIES[name])), 0n);
  const low = Number(BigInt.asUintN(32, mask));
  const high = Number(BigInt.asUintN(HIGHEST_CAPABILITY - 31, mask >> 32n));
  const header = Buffer.from(new Uint32Array([LINUX_CAPABILITY_VERSION_3, 0]).buffer);
  const data = Buffer.from(new Uint32Array([low, low, 0, high, high, 0]).buffer);
  const label = `{effective=0x${mask.toString(16)}, permitted=0x${mask.toString(16)}, inheritable=0}`;
  return [bytes(header, "{_LINUX_CAPABILITY_VERSION_3, 0}"), bytes(data, label)];
}
