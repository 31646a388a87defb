import { defineErrors } from "#contracts/slipway-error.ts";

export const CGROUP_ERRORS = {
  SLIPWAY_CGROUP_LIMIT_REFUSED: {
    status: 400,
    remedy: "Raise the limit, or leave it out; `slipway doctor` shows what the kernel's cgroups take.",
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
