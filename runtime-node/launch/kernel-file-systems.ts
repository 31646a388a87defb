import type { ConstantName } from "#kernel/constants.ts";
import type { Step } from "#kernel/plan/step.ts";
import type { CgroupMembership } from "./container-launch.ts";
import {
  AT_FDCWD,
  attachMount,
  createFileSystem,
  flags,
  makeDirectories,
  mountFdOf,
  type NewFileSystem,
  setMountAttributes,
} from "./steps.ts";

const DEVICES = ["null", "zero", "full", "random", "urandom", "tty"];
const LINKS: [path: string, to: string][] = [
  ["/dev/fd", "/proc/self/fd"],
  ["/dev/stdin", "/proc/self/fd/0"],
  ["/dev/stdout", "/proc/self/fd/1"],
  ["/dev/stderr", "/proc/self/fd/2"],
  ["/dev/ptmx", "pts/ptmx"],
];
const NOTHING_SPECIAL: ConstantName[] = ["MOUNT_ATTR_NOSUID", "MOUNT_ATTR_NODEV", "MOUNT_ATTR_NOEXEC"];

const PROC: NewFileSystem = { type: "proc", attributes: NOTHING_SPECIAL };
const SYSFS: NewFileSystem = { type: "sysfs", attributes: [...NOTHING_SPECIAL, "MOUNT_ATTR_RDONLY"] };
const DEV: NewFileSystem = {
  type: "tmpfs",
  label: "dev",
  options: [
    ["mode", "0755"],
    ["size", "65536k"],
  ],
  attributes: ["MOUNT_ATTR_NOSUID"],
};
const DEVPTS: NewFileSystem = {
  type: "devpts",
  options: [
    ["ptmxmode", "0666"],
    ["mode", "0620"],
    ["gid", "5"],
  ],
  switches: ["newinstance"],
  attributes: ["MOUNT_ATTR_NOSUID", "MOUNT_ATTR_NOEXEC"],
};
const SHM: NewFileSystem = {
  type: "tmpfs",
  label: "shm",
  options: [
    ["mode", "1777"],
    ["size", "65536k"],
  ],
  attributes: NOTHING_SPECIAL,
};
const MQUEUE: NewFileSystem = { type: "mqueue", attributes: NOTHING_SPECIAL };
const CGROUP2: NewFileSystem = { type: "cgroup2", attributes: [...NOTHING_SPECIAL, "MOUNT_ATTR_RDONLY"] };
const CGROUP_TMPFS: NewFileSystem = {
  type: "tmpfs",
  label: "cgroup root",
  options: [["mode", "0755"]],
  attributes: NOTHING_SPECIAL,
};

const v1FileSystem = (hierarchy: string): NewFileSystem => ({
  type: "cgroup",
  label: `cgroup ${hierarchy}`,
  switches: hierarchy.split(","),
  attributes: [...NOTHING_SPECIAL, "MOUNT_ATTR_RDONLY"],
});

/**
 * While the old root is still there: the kernel lets a user namespace mount proc and sysfs only where a full view of them is
 * mounted already (mount_too_revealing), and the devices are the host's.
 */
export function openKernelFileSystems({ v1Hierarchies }: CgroupMembership): Step[] {
  const cgroups = v1Hierarchies.length === 0 ? [CGROUP2] : [CGROUP_TMPFS, ...v1Hierarchies.map(v1FileSystem)];
  return [
    ...[PROC, SYSFS, DEV, DEVPTS, SHM, MQUEUE, ...cgroups].flatMap(createFileSystem),
    ...DEVICES.map((device): Step => ({
      name: `device ${device}`,
      call: "open_tree",
      args: [AT_FDCWD, `/dev/${device}`, flags("OPEN_TREE_CLONE", "OPEN_TREE_CLOEXEC")],
    })),
  ];
}

/** Inside the new root; /proc comes later. */
export function attachKernelFileSystems(cgroup: CgroupMembership): Step[] {
  return [
    ...["/sys", "/dev"].flatMap((path) => makeDirectories(path)),
    attachMount("attach /sys", mountFdOf(SYSFS), "/sys"),
    ...attachCgroups(cgroup),
    attachMount("attach /dev", mountFdOf(DEV), "/dev"),
    ...["/dev/pts", "/dev/shm", "/dev/mqueue"].map((path): Step => ({
      name: `make ${path}`,
      call: "mkdirat",
      args: [AT_FDCWD, path, 0o755],
    })),
    attachMount("attach /dev/pts", mountFdOf(DEVPTS), "/dev/pts"),
    attachMount("attach /dev/shm", mountFdOf(SHM), "/dev/shm"),
    attachMount("attach /dev/mqueue", mountFdOf(MQUEUE), "/dev/mqueue"),
    ...DEVICES.flatMap(attachDevice),
    ...LINKS.map(([path, to]): Step => ({ name: `link ${path}`, call: "symlinkat", args: [to, AT_FDCWD, path] })),
  ];
}

/** A link in its place is not followed: what reads /proc reads the kernel's (CVE-2019-16884). */
export function attachProc(): Step[] {
  return [...makeDirectories("/proc"), attachMount("attach /proc", mountFdOf(PROC), "/proc")];
}

function attachDevice(device: string): Step[] {
  const path = `/dev/${device}`;
  return [
    { name: `make ${path}`, call: "mknodat", args: [AT_FDCWD, path, 0o100666, 0] },
    attachMount(`attach ${path}`, `device ${device}`, path),
  ];
}

function attachCgroups({ v1Hierarchies }: CgroupMembership): Step[] {
  const root = "/sys/fs/cgroup";
  if (v1Hierarchies.length === 0) return [attachMount(`attach ${root}`, mountFdOf(CGROUP2), root)];
  return [
    attachMount(`attach ${root}`, mountFdOf(CGROUP_TMPFS), root),
    ...v1Hierarchies.flatMap((hierarchy): Step[] => [
      { name: `make ${root}/${hierarchy}`, call: "mkdirat", args: [AT_FDCWD, `${root}/${hierarchy}`, 0o755] },
      attachMount(`attach ${root}/${hierarchy}`, mountFdOf(v1FileSystem(hierarchy)), `${root}/${hierarchy}`),
    ]),
    setMountAttributes(`make ${root} read-only`, { path: root }, { set: ["MOUNT_ATTR_RDONLY"] }),
  ];
}
