import type { Step } from "#kernel/plan/step.ts";
import { flags, setMountAttributes } from "./steps.ts";

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
const MASKED_DIRECTORIES = ["/proc/asound", "/proc/acpi", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap"];
const READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/** A kernel may lack any of these paths. */
export function maskPaths(): Step[] {
  return [
    ...MASKED_FILES.map((path): Step => ({
      name: `mask ${path}`,
      call: "mount",
      args: ["/dev/null", path, null, flags("MS_BIND"), null],
      tolerate: ["ENOENT"],
    })),
    ...MASKED_DIRECTORIES.map((path): Step => ({
      name: `mask ${path}`,
      call: "mount",
      args: ["tmpfs", path, "tmpfs", flags("MS_RDONLY", "MS_NOSUID", "MS_NODEV", "MS_NOEXEC"), "size=0k"],
      tolerate: ["ENOENT"],
    })),
    ...READ_ONLY.flatMap((path): Step[] => [
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
    ]),
  ];
}
