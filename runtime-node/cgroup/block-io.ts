import type { BlockIoLimits } from "#contracts/service-spec.ts";
import { readDeviceNumber } from "./device-number.ts";
import { cgroupError } from "./errors.ts";
import type { LimitWrites } from "./limits.ts";

const RATES = [
  { key: "readBytes", v1: "blkio.throttle.read_bps_device", v2: "rbps" },
  { key: "writeBytes", v1: "blkio.throttle.write_bps_device", v2: "wbps" },
  { key: "readOperations", v1: "blkio.throttle.read_iops_device", v2: "riops" },
  { key: "writeOperations", v1: "blkio.throttle.write_iops_device", v2: "wiops" },
] as const;

/**
 * Rates (io.max, blkio.throttle.*), which every kernel has, and weights, which need a scheduler that knows them: bfq's own file, else
 * v2's io.weight (iocost).
 * @throws SlipwayError for a path that is no block device
 */
export function blockIoWrites(limits: BlockIoLimits | undefined): LimitWrites {
  if (limits === undefined) return { v1: [], v2: [] };
  const rates = RATES.flatMap(({ key, v1, v2 }) =>
    limits[key].map(({ path, perSecond }) => ({ v1, v2, device: blockDevice(path), perSecond })),
  );
  const weights = weightValues(limits);
  return {
    v1: [
      ...weights.map((weight) => ({
        controller: "io" as const,
        file: weight.device === undefined ? "blkio.bfq.weight" : "blkio.bfq.weight_device",
        value: withDevice(weight.device, weight.value),
      })),
      ...rates.map(({ v1, device, perSecond }) => ({
        controller: "io" as const,
        file: v1,
        value: `${device} ${perSecond}`,
      })),
    ],
    v2: [
      ...weights.map(({ device, value }) => ({
        controller: "io" as const,
        file: "io.bfq.weight",
        value: withDevice(device ?? "default", value),
        otherwise: { file: "io.weight", value: withDevice(device ?? "default", ioWeight(value)) },
      })),
      ...rates.map(({ v2, device, perSecond }) => ({
        controller: "io" as const,
        file: "io.max",
        value: `${device} ${v2}=${perSecond}`,
      })),
    ],
  };
}

function weightValues({ weight, deviceWeights }: BlockIoLimits): { device?: string; value: number }[] {
  return [
    ...(weight === undefined ? [] : [{ value: weight }]),
    ...deviceWeights.map(({ path, weight: value }) => ({ device: blockDevice(path), value })),
  ];
}

function withDevice(device: string | undefined, value: number): string {
  return device === undefined ? String(value) : `${device} ${value}`;
}

/** 10…1000 onto 1…10000. */
function ioWeight(weight: number): number {
  return 1 + Math.floor(((weight - 10) * 9_999) / 990);
}

/** `254:0` */
function blockDevice(path: string): string {
  const device = readDeviceNumber(path);
  if (device?.type === "block") return `${device.major}:${device.minor}`;
  throw cgroupError(
    "SLIPWAY_CGROUP_NO_BLOCK_DEVICE",
    device === undefined
      ? `blkio_config names ${path}, and there is no such device on this node`
      : `blkio_config names ${path}, which is no block device`,
  );
}
