import type { DeviceMapping } from "../service-spec.ts";
import type { Section } from "./section.ts";

/** `devices`, short (`/dev/fuse:/dev/fuse:rwm`) and long. */
export function readDevices(service: Section): DeviceMapping[] {
  const list = service.get("devices");
  if (list === undefined) return [];
  if (list.kind !== "list") {
    service.fail("SLIPWAY_COMPOSE_TYPE", `${service.path}.devices is a list`, list.place);
    return [];
  }
  const targets = new Set<string>();
  return list.items.flatMap((item) => {
    const device =
      item.kind === "scalar"
        ? service.parsed("devices", item, parseDevice)
        : readLong(service.asSection(item, `${service.path}.devices[]`));
    if (device === undefined) return [];
    if (targets.has(device.target)) {
      const message = `${service.path}.devices has two devices for ${device.target}`;
      service.fail("SLIPWAY_COMPOSE_CONFLICT", message, item.place);
    }
    targets.add(device.target);
    return [device];
  });
}

function readLong(section: Section | undefined): DeviceMapping | undefined {
  if (section === undefined) return undefined;
  const source = section.parsedKey("source", parseDevicePath);
  if (section.get("source") === undefined)
    section.fail("SLIPWAY_COMPOSE_VALUE", `${section.path} needs a source`, section.place);
  const target = section.parsedKey("target", parseTarget) ?? source;
  const access = section.parsedKey("permissions", parseAccess) ?? "rwm";
  return source === undefined || target === undefined ? undefined : { source, target, access };
}

/** `host[:container[:permissions]]`. @throws RangeError */
export function parseDevice(text: string): DeviceMapping {
  const [source = "", second, third, ...more] = text.split(":");
  if (more.length > 0) throw new RangeError(`${JSON.stringify(text)} is no device (as in /dev/fuse:/dev/fuse:rw)`);
  // docker takes `/dev/fuse:rw`, too.
  const isAccess = third === undefined && second !== undefined && !second.startsWith("/");
  return {
    source: parseDevicePath(source),
    target: parseTarget(second === undefined || isAccess ? source : second),
    access: parseAccess((isAccess ? second : third) ?? "rwm"),
  };
}

/** A path below /dev, without tricks. @throws RangeError */
export function parseDevicePath(text: string): string {
  const parts = text.split("/");
  const isPlain = parts.slice(2).every((part) => part !== "" && part !== "." && part !== ".." && !part.includes("\0"));
  if (text.startsWith("/dev/") && isPlain) return text;
  throw new RangeError(`${JSON.stringify(text)} is no device (a path below /dev)`);
}

function parseTarget(text: string): string {
  if (text.startsWith("/") && text.length > 1 && !text.split("/").includes("..") && !text.includes("\0")) return text;
  throw new RangeError(`the target ${JSON.stringify(text)} is no absolute path in the container`);
}

function parseAccess(text: string): string {
  const letters = ["r", "w", "m"].filter((letter) => text.includes(letter)).join("");
  if (text !== "" && letters.length === text.length) return letters;
  throw new RangeError(`${JSON.stringify(text)} is no access to a device (r, w and m, each once)`);
}
