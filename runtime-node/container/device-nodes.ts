import { chmodSync, chownSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { DeviceMapping } from "#contracts/service-spec.ts";
import { CONSTANTS } from "#kernel/constants.ts";
import type { Kernel } from "#kernel/kernel.ts";
import { encodeDeviceNumber, readDeviceNumber } from "../cgroup/device-number.ts";
import type { LaunchMount } from "../launch/container-launch.ts";
import { containerError } from "./errors.ts";

/** Read and write for its owner and group: what the cgroup's filter allows is the limit. */
const MODE = 0o660;
const FILE_TYPES = { block: 0o060000, character: 0o020000 } as const;

/**
 * Nodes of the same devices for a container, its root their owner (the host's own belong to ids that it does not have), to be
 * mounted where they are wanted. Those of a former start are replaced: a number may have changed.
 */
export function createDeviceNodes(
  kernel: Kernel,
  folder: string,
  devices: readonly DeviceMapping[],
  idBase: number,
): LaunchMount[] {
  if (devices.length === 0) return [];
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return devices.map(({ source, target }, index) => {
    const device = readDeviceNumber(source);
    if (device === undefined) throw containerError("SLIPWAY_CONTAINER_NO_DEVICE", `${source} is no device of this node`);
    const node = join(folder, String(index));
    kernel.call("mknodat", CONSTANTS.AT_FDCWD, node, FILE_TYPES[device.type] | MODE, encodeDeviceNumber(device));
    chownSync(node, idBase, idBase);
    chmodSync(node, MODE);
    return {
      kind: "bind",
      source: node,
      target,
      file: true,
      device: true,
      readOnly: false,
      idmap: null,
      recursive: false,
      propagation: "private",
      targetExists: false,
    };
  });
}
