import type { BlockIoLimits, DeviceRate } from "../service-spec.ts";
import { parseDevicePath } from "./devices.ts";
import { parseSizeBytes } from "./quantities.ts";
import type { Section } from "./section.ts";

const WEIGHTS = { integer: true, minimum: 10, maximum: 1000 } as const;

/** `blkio_config`; undefined when nothing is limited. */
export function readBlockIo(service: Section): BlockIoLimits | undefined {
  const section = service.section("blkio_config");
  if (section === undefined) return undefined;
  const weight = section.number("weight", { integer: true, minimum: 0, maximum: 1000 });
  if (weight !== undefined && weight > 0 && weight < WEIGHTS.minimum) {
    const message = `${section.path}.weight is from 10 to 1000 (0 is everybody's), not ${weight}`;
    section.fail("SLIPWAY_COMPOSE_VALUE", message, section.placeOf("weight"));
  }
  return {
    ...(weight === undefined || weight === 0 ? {} : { weight }),
    deviceWeights: devicesOf(section, "weight_device", (item) => item.number("weight", WEIGHTS)).map(({ path, value }) => ({
      path,
      weight: value,
    })),
    readBytes: readRates(section, "device_read_bps", bytesPerSecond),
    writeBytes: readRates(section, "device_write_bps", bytesPerSecond),
    readOperations: readRates(section, "device_read_iops", operationsPerSecond),
    writeOperations: readRates(section, "device_write_iops", operationsPerSecond),
  };
}

const bytesPerSecond = (item: Section): number | undefined => item.parsedKey("rate", parseRate);
const operationsPerSecond = (item: Section): number | undefined => item.number("rate", { integer: true, minimum: 1 });

/** @throws RangeError */
function parseRate(text: string): number {
  const bytes = parseSizeBytes(text);
  if (bytes > 0) return bytes;
  throw new RangeError("a rate is at least one byte a second");
}

function readRates(section: Section, key: string, rate: (item: Section) => number | undefined): DeviceRate[] {
  return devicesOf(section, key, rate).map(({ path, value }) => ({ path, perSecond: value }));
}

function devicesOf(
  section: Section,
  key: string,
  read: (item: Section) => number | undefined,
): { path: string; value: number }[] {
  const list = section.get(key);
  if (list === undefined) return [];
  if (list.kind !== "list") {
    section.fail("SLIPWAY_COMPOSE_TYPE", `${section.path}.${key} is a list`, list.place);
    return [];
  }
  return list.items.flatMap((located) => {
    const item = section.asSection(located, `${section.path}.${key}[]`);
    if (item === undefined) return [];
    const path = item.parsedKey("path", parseDevicePath);
    const value = read(item);
    for (const needed of ["path", key === "weight_device" ? "weight" : "rate"]) {
      if (item.get(needed) === undefined) item.fail("SLIPWAY_COMPOSE_VALUE", `${item.path} needs a ${needed}`, item.place);
    }
    return path === undefined || value === undefined ? [] : [{ path, value }];
  });
}
