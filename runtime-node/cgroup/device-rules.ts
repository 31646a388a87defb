import type { DeviceMapping } from "#contracts/service-spec.ts";
import type { DeviceRule } from "#kernel/bpf/device-program.ts";
import { readDeviceNumber } from "./device-number.ts";
import { cgroupError } from "./errors.ts";

const character = (major: number, minor: number | null): DeviceRule => ({
  type: "character",
  major,
  minor,
  access: "rwm",
});

/**
 * The nodes that every container has, kernel documentation admin-guide/devices.txt. As in OCI runtimes, a node may be made of any device:
 * it cannot be opened.
 */
export const STANDARD_DEVICES: readonly DeviceRule[] = [
  { type: "character", major: null, minor: null, access: "m" },
  { type: "block", major: null, minor: null, access: "m" },
  character(1, 3), // null
  character(1, 5), // zero
  character(1, 7), // full
  character(1, 8), // random
  character(1, 9), // urandom
  character(5, 0), // tty
  character(5, 2), // ptmx
  character(136, null), // pts/*
];

/** What a container with these devices may use. @throws SlipwayError for a path that is no device */
export function deviceRules(devices: readonly DeviceMapping[]): DeviceRule[] {
  return [
    ...STANDARD_DEVICES,
    ...devices.map(({ source, access }): DeviceRule => {
      const device = readDeviceNumber(source);
      if (device === undefined)
        throw cgroupError("SLIPWAY_CGROUP_NO_DEVICE", `devices names ${source}, and there is no such device on this node`);
      return { ...device, access };
    }),
  ];
}

/** As a line for `devices.allow` of cgroup v1: `c 1:3 rwm`. */
export function formatV1Rule({ type, major, minor, access }: DeviceRule): string {
  return `${type === "block" ? "b" : "c"} ${major ?? "*"}:${minor ?? "*"} ${access}`;
}
