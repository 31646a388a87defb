import { ARCHITECTURE } from "#kernel/linux-kernel.ts";
import { syscallNumber } from "#kernel/syscall-numbers.ts";
import { type Attempt, call, DENIED } from "../attempt.ts";

const PTRACE_SEIZE = 0x4206;
const RLIMIT_NOFILE = 7;
const RLIMIT_RTPRIO = 14;
const IOPRIO_REALTIME = 1 << 13;
const SCHED_FIFO = 1;
const GONE = ["ESRCH", "ENOENT", "EINVAL"] as const;

/** Other processes of the machine, and more of it than one's share. */
export const PROCESS_ATTEMPTS: Attempt[] = [
  { title: "a signal to a process of the host", perl: "return kill 0, $ENV{HOST_PID};", refused: GONE },
  { title: "the environment of a process of the host", perl: hostFile("environ"), refused: GONE },
  { title: "the memory of a process of the host", perl: hostFile("mem"), refused: GONE },
  {
    title: "the root directory of a process of the host",
    perl: "return -e qq(/proc/$ENV{HOST_PID}/root/);",
    refused: GONE,
  },
  { title: "to trace a process of the host", perl: onHostPid("ptrace", PTRACE_SEIZE), refused: [...GONE, ...DENIED] },
  { title: "a pidfd of a process of the host", perl: pidFirst("pidfd_open", "0"), refused: GONE },
  {
    title: "the limits of a process of the host",
    perl: pidFirst("prlimit64", `${RLIMIT_NOFILE}, 0, my $old = "\\0" x 16`),
    refused: GONE,
  },
  {
    title: "to read the memory of a process of the host",
    perl: `my $text = "x" x 8; my $here = pack("P Q", $text, 8); my $there = pack("Q Q", 8, 8);
      return syscall(${syscallNumber("process_vm_readv", ARCHITECTURE)}, $ENV{HOST_PID} + 0, $here, 1, $there, 1, 0) != -1;`,
    refused: [...GONE, ...DENIED],
  },
  { title: "to take an fd of another process", perl: call("pidfd_getfd", -1, 0, 0), refused: DENIED },
  { title: "to compare kernel objects of processes", perl: call("kcmp", "$$ + 0", "$$ + 0", 7, 0, 0), refused: DENIED },
  { title: "a real-time priority", perl: call("sched_setscheduler", 0, SCHED_FIFO, 'pack("i", 1)'), refused: DENIED },
  { title: "a real-time I/O priority", perl: call("ioprio_set", 1, 0, IOPRIO_REALTIME), refused: DENIED },
  { title: "a nice value below zero", perl: "return POSIX::nice(-5);", refused: DENIED },
  {
    title: "a resource limit above its hard one",
    perl: call("prlimit64", 0, RLIMIT_RTPRIO, 'pack("QQ", 90, 90)', 0),
    refused: DENIED,
  },
  { title: "an id that is not mapped", perl: call("setresuid", 100_000, 100_000, 100_000), refused: ["EINVAL"] },
  {
    title: "a file for an id that is not mapped",
    perl: `open(my $f, ">", "$ENV{SCRATCH}/owned"); return chown 100000, 100000, $f;`,
    refused: ["EINVAL"],
  },
];

function hostFile(name: string): string {
  return `return sysopen(my $f, "/proc/$ENV{HOST_PID}/${name}", POSIX::O_RDONLY());`;
}

function onHostPid(name: "ptrace", request: number): string {
  return call(name, request, "$ENV{HOST_PID} + 0", 0, 0);
}

function pidFirst(name: "pidfd_open" | "prlimit64", rest: string): string {
  return call(name, "$ENV{HOST_PID} + 0", rest);
}
