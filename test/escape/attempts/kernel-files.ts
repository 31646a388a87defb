import { type Attempt, DENIED, HIDDEN, opening, reading } from "../attempt.ts";

const SETTINGS = [
  "/proc/sys/kernel/core_pattern",
  "/proc/sys/kernel/modprobe",
  "/proc/sys/kernel/hotplug",
  "/proc/sys/kernel/panic",
  "/proc/sys/kernel/ns_last_pid",
  "/proc/sys/vm/overcommit_memory",
  "/proc/sys/vm/drop_caches",
  "/proc/sys/fs/file-max",
  "/proc/sys/fs/suid_dumpable",
  "/proc/sys/fs/binfmt_misc/register",
  "/proc/sys/net/ipv4/ip_forward",
  "/proc/sysrq-trigger",
  "/proc/irq/default_smp_affinity",
  "/sys/kernel/uevent_helper",
  "/sys/kernel/mm/transparent_hugepage/enabled",
  "/sys/kernel/debug/sched/debug",
  "/sys/kernel/security/apparmor/.load",
  "/sys/power/state",
  "/sys/module/kernel/parameters/panic",
  "/sys/class/block/vda/uevent",
  "/sys/fs/cgroup/cgroup.procs",
  "/sys/fs/cgroup/memory/cgroup.procs",
  "/sys/fs/cgroup/memory/release_agent",
];

/** /proc and /sys: the machine's settings are not a container's to write, its secrets not to read. */
export const KERNEL_FILE_ATTEMPTS: Attempt[] = [
  ...SETTINGS.map((path) => ({ title: `to write ${path}`, perl: opening(path), refused: HIDDEN })),
  { title: "the kernel's memory in /proc/kcore", perl: reading("/proc/kcore"), refused: [...HIDDEN, "silence"] },
  { title: "the keys in /proc/keys", perl: reading("/proc/keys"), refused: [...HIDDEN, "silence"] },
  { title: "the kernel's log in /proc/kmsg", perl: opening("/proc/kmsg", "O_RDONLY"), refused: HIDDEN },
  { title: "the kernel's addresses in /proc/kallsyms", perl: addresses(), refused: [...HIDDEN, "silence"] },
  { title: "the pages of the machine in /proc/kpageflags", perl: opening("/proc/kpageflags", "O_RDONLY"), refused: HIDDEN },
  { title: "the machine's firmware tables", perl: listing("/sys/firmware"), refused: [...HIDDEN, "silence"] },
  { title: "the timers of all processes", perl: reading("/proc/timer_list"), refused: [...HIDDEN, "silence"] },
  {
    title: "an oom_score_adj below its own, which would have others killed in its place",
    perl: `sysopen(my $f, "/proc/self/oom_score_adj", POSIX::O_WRONLY()) or return 0; return defined syswrite($f, "-900");`,
    refused: DENIED,
  },
];

/** Without the right to see them, every address is zeros; the first symbols are at zero for everybody. */
function addresses(): string {
  return `open(my $f, "<", "/proc/kallsyms") or return 0; while (my $line = <$f>) { return 1 unless $line =~ /^0+ / } die "silence";`;
}

function listing(path: string): string {
  return `opendir(my $d, ${JSON.stringify(path)}) or return 0; my @all = grep { !/^\\.+$/ } readdir $d; @all or die "silence"; return 1;`;
}
