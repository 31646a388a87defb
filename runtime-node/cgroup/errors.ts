import { defineErrors } from "#contracts/slipway-error.ts";

export const CGROUP_ERRORS = {
  SLIPWAY_CGROUP_LIMIT_REFUSED: {
    status: 400,
    remedy: "Raise the limit, or leave it out; `slipway doctor` shows what the kernel's cgroups take.",
  },
  SLIPWAY_CGROUP_LIMIT_UNSUPPORTED: {
    status: 501,
    remedy: "Leave it out; docs/compose.md says which limits need which kernel.",
  },
  SLIPWAY_CGROUP_NO_BLOCK_DEVICE: {
    status: 400,
    remedy: "Name the whole disk, as `lsblk -p` on the node lists it: /dev/vda, /dev/nvme0n1.",
  },
  SLIPWAY_CGROUP_NO_DEVICE: { status: 400, remedy: "Load its driver on the node, or correct the path." },
  SLIPWAY_CGROUP_DEVICE_FILTER: {
    status: 500,
    remedy: "Boot a kernel with CONFIG_CGROUP_BPF, or with the devices controller of cgroup v1.",
  },
  SLIPWAY_CGROUP_NO_PARENT: {
    status: 400,
    remedy:
      "Name a cgroup that is there and delegated to the server, as /proc/self/cgroup writes it: /system.slice/my.service.",
  },
  SLIPWAY_CGROUP_NO_FREEZER: { status: 501, remedy: "Mount cgroup v2 (also beside v1), or v1's freezer." },
  SLIPWAY_CGROUP_NOT_FROZEN: {
    status: 500,
    remedy: "Look for a process of it in state D (`ps`): the kernel waits for a disk or a network file system.",
  },
  SLIPWAY_CGROUP_CONTROLLER_MISSING: {
    status: 501,
    remedy: "Mount the controller, or boot with it enabled; `slipway doctor` shows which are there.",
  },
  SLIPWAY_CGROUP_BUSY: {
    status: 500,
    remedy: "Look at the group's cgroup.procs: something moved a process into it that Slipway did not start.",
  },
} as const;

export const cgroupError = defineErrors(CGROUP_ERRORS);
