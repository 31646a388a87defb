import type { Step } from "#kernel/plan/step.ts";
import { AT_FDCWD, attachMount, flags, setMountAttributes } from "./steps.ts";

/** Docker's default masked paths (oci/defaults.go): what they show belongs to the machine, not to the container. */
const MASKED_FILES = [
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
];
const MASKED_PROC = ["/proc/asound", "/proc/acpi", "/proc/scsi"];
const MASKED_SYS = ["/sys/firmware", "/sys/devices/virtual/powercap"];
const READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

const maskFd = (path: string): string => `mask of ${path}`;

/**
 * While the host's /dev is there: a mask by the name /dev/null would be what an image or a volume had put in its place
 * (CVE-2025-31133).
 */
export function openMasks(): Step[] {
  return MASKED_FILES.map((path): Step => ({
    name: maskFd(path),
    call: "open_tree",
    args: [AT_FDCWD, "/dev/null", flags("OPEN_TREE_CLONE", "OPEN_TREE_CLOEXEC")],
  }));
}

/** Before anything can be mounted over /sys. A kernel may lack any of these paths. */
export function maskSys(): Step[] {
  return MASKED_SYS.map(maskDirectory);
}

/** Right after /proc is attached. */
export function maskProc(): Step[] {
  return [
    ...MASKED_FILES.map((path): Step => ({ ...attachMount(`mask ${path}`, maskFd(path), path), tolerate: ["ENOENT"] })),
    ...MASKED_PROC.map(maskDirectory),
    ...READ_ONLY.flatMap(makeReadOnly),
  ];
}

function maskDirectory(path: string): Step {
  return {
    name: `mask ${path}`,
    call: "mount",
    args: ["tmpfs", path, "tmpfs", flags("MS_RDONLY", "MS_NOSUID", "MS_NODEV", "MS_NOEXEC"), "size=0k"],
    tolerate: ["ENOENT"],
  };
}

function makeReadOnly(path: string): Step[] {
  return [
    {
      name: `bind ${path} on itself`,
      call: "mount",
      args: [path, path, null, flags("MS_BIND", "MS_REC"), null],
      tolerate: ["ENOENT"],
    },
    // EINVAL: no mount point, since the path was not there to be bound.
    {
      ...setMountAttributes(`make ${path} read-only`, { path }, { set: ["MOUNT_ATTR_RDONLY"] }),
      tolerate: ["ENOENT", "EINVAL"],
    },
  ];
}
