import { DOCKER_ALLOWED_CALLS } from "./docker-allowed-calls.ts";
import type { ArgumentCondition, SeccompPolicy, SeccompRule } from "./policy.ts";

const AF_ALG = 38n;
const AF_VSOCK = 40n;
/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET: clone(2) may make none of these namespaces. */
const CLONE_NAMESPACE_FLAGS = 0x7e020000n;
/** personality(2): Linux, UNAME26, LINUX32, both, and the question that changes nothing. */
const PERSONALITIES = [0x0n, 0x8n, 0x20000n, 0x20008n, 0xffffffffn];

const allowFirstArgument = (name: string, ...conditions: Omit<ArgumentCondition, "index" | "bits">[]): SeccompRule[] =>
  conditions.map((condition) => ({ names: [name], action: "allow", arguments: [{ index: 0, bits: 32, ...condition }] }));

const withCapability = (
  capability: NonNullable<SeccompRule["when"]>["capability"] & string,
  names: string,
): SeccompRule => ({
  names: names.split(" "),
  action: "allow",
  when: { capability },
});

/**
 * Docker's default policy (github.com/moby/profiles, seccomp/default.json, of June 2026), with its conditions on the kernel's version
 * left out: ours is always newer than 4.8. As there, a 32-bit x86 program still reaches every address family by socketcall(2).
 */
export const DOCKER_DEFAULT_POLICY: SeccompPolicy = {
  defaultAction: { errno: "EPERM" },
  unknownCallAction: { errno: "ENOSYS" },
  unknownArchitectureAction: "kill-process",
  rules: [
    { names: [...DOCKER_ALLOWED_CALLS, "process_vm_readv", "process_vm_writev", "ptrace"], action: "allow" },
    ...allowFirstArgument(
      "socket",
      { operator: "lt", value: AF_ALG },
      { operator: "eq", value: AF_ALG + 1n },
      { operator: "gt", value: AF_VSOCK },
    ),
    ...allowFirstArgument("personality", ...PERSONALITIES.map((value) => ({ operator: "eq" as const, value }))),
    {
      names: ["arm_fadvise64_64", "arm_sync_file_range", "breakpoint", "cacheflush", "set_tls"],
      action: "allow",
      when: { architectures: ["arm64"] },
    },
    { names: ["arch_prctl", "modify_ldt"], action: "allow", when: { architectures: ["x64"] } },
    withCapability(
      "SYS_ADMIN",
      "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr lsm_list_modules " +
        "lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname " +
        "sethostname setns syslog umount umount2 unshare",
    ),
    {
      names: ["clone"],
      action: "allow",
      arguments: [{ index: 0, bits: 64, operator: "masked-eq", mask: CLONE_NAMESPACE_FLAGS, value: 0n }],
      when: { withoutCapability: "SYS_ADMIN" },
    },
    // clone3 takes its flags in memory, which a filter cannot read; ENOSYS makes libc fall back to clone.
    { names: ["clone3"], action: { errno: "ENOSYS" }, when: { withoutCapability: "SYS_ADMIN" } },
    withCapability("DAC_READ_SEARCH", "open_by_handle_at"),
    withCapability("SYS_BOOT", "reboot"),
    withCapability("SYS_CHROOT", "chroot"),
    withCapability("SYS_MODULE", "delete_module init_module finit_module"),
    withCapability("SYS_PACCT", "acct"),
    withCapability("SYS_PTRACE", "kcmp pidfd_getfd process_madvise"),
    withCapability("SYS_RAWIO", "iopl ioperm"),
    withCapability("SYS_TIME", "settimeofday stime clock_settime clock_settime64"),
    withCapability("SYS_TTY_CONFIG", "vhangup"),
    withCapability("SYS_NICE", "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"),
    withCapability("SYSLOG", "syslog"),
    withCapability("BPF", "bpf"),
    withCapability("PERFMON", "perf_event_open"),
  ],
};
