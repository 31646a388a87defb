import { homedir } from "node:os";
import { isAbsolute, join, normalize, resolve } from "node:path";
import { RESOURCE_NAME_PATTERN } from "../wire-names.ts";
import type { BindMount, Mount, TmpfsMount, VolumeMount } from "../service-spec.ts";
import type { Located, LocatedScalar } from "./located.ts";
import { parseMode, parseSizeBytes } from "./quantities.ts";
import type { Section } from "./section.ts";

const PROPAGATIONS = ["private", "rprivate", "slave", "rslave", "shared", "rshared"] as const;
type MountPropagation = (typeof PROPAGATIONS)[number];
const RESOURCE_NAME = new RegExp(RESOURCE_NAME_PATTERN);

/** `volumes` (short and long) and `tmpfs`, with sources made absolute against the project's directory. */
export function readMounts(service: Section, directory: string): Mount[] {
  const mounts = [...readVolumes(service, directory), ...readTmpfs(service)];
  const targets = new Map<string, Mount>();
  for (const { mount, place } of mounts) {
    if (targets.has(mount.target)) {
      service.fail("SLIPWAY_COMPOSE_CONFLICT", `${service.path} mounts two things on ${mount.target}`, place);
    }
    targets.set(mount.target, mount);
  }
  return mounts.map(({ mount }) => mount);
}

interface PlacedMount {
  mount: Mount;
  place: Located["place"];
}

function readVolumes(service: Section, directory: string): PlacedMount[] {
  const value = service.get("volumes");
  if (value === undefined) return [];
  if (value.kind !== "list") {
    service.fail("SLIPWAY_COMPOSE_TYPE", `${service.path}.volumes is a list`, value.place);
    return [];
  }
  return value.items.flatMap((item) => {
    const mount = item.kind === "scalar" ? readShort(service, item, directory) : readLong(service, item, directory);
    return mount === undefined ? [] : [{ mount, place: item.place }];
  });
}

function readShort(service: Section, item: LocatedScalar, directory: string): Mount | undefined {
  return service.parsed("volumes", item, (text) => parseMountShort(text, directory));
}

/** `[source:]target[:options]`. @throws RangeError */
export function parseMountShort(text: string, directory: string): VolumeMount | BindMount {
  const parts = text.split(":");
  if (parts.length > 3 || parts.some((part) => part === "")) {
    throw new RangeError(`${JSON.stringify(text)} is no volume (as in data:/var/lib/data, ./html:/srv:ro)`);
  }
  const [source, target, options] = parts.length === 1 ? ["", parts[0]!, ""] : [parts[0]!, parts[1]!, parts[2] ?? ""];
  const { readOnly, propagation } = parseOptions(options);
  if (!isPath(source)) {
    if (propagation !== undefined) throw new RangeError(`${propagation} is for bind mounts, and ${source} is a volume`);
    return { type: "volume", volume: volumeName(source), target: absoluteTarget(target), readOnly };
  }
  const mount: BindMount = {
    type: "bind",
    source: resolveSource(source, directory),
    target: absoluteTarget(target),
    readOnly,
    createHostPath: true,
  };
  return propagation === undefined ? mount : { ...mount, propagation };
}

function parseOptions(text: string): { readOnly: boolean; propagation: MountPropagation | undefined } {
  let readOnly = false;
  let propagation: MountPropagation | undefined;
  for (const option of text === "" ? [] : text.split(",")) {
    if (option === "ro" || option === "rw") readOnly = option === "ro";
    else if (isPropagation(option)) propagation = option;
    else throw new RangeError(`${JSON.stringify(option)} is no option of a volume (ro, rw, ${PROPAGATIONS.join(", ")})`);
  }
  return { readOnly, propagation };
}

function readLong(service: Section, item: Located, directory: string): Mount | undefined {
  const section = service.asSection(item, `${service.path}.volumes[]`);
  if (section === undefined) return undefined;
  const target = section.parsedKey("target", absoluteTarget);
  if (target === undefined) {
    if (section.get("target") === undefined)
      section.fail("SLIPWAY_COMPOSE_VALUE", `${section.path} needs a target`, section.place);
    return undefined;
  }
  const type = section.string("type");
  const readOnly = section.boolean("read_only") ?? false;
  if (type === "volume") return { type, volume: section.parsedKey("source", volumeName) ?? "", target, readOnly };
  if (type === "bind") return readLongBind(section, target, readOnly, directory);
  if (type === "tmpfs") return readLongTmpfs(section, target);
  const message = `${section.path}.type is volume, bind or tmpfs, not ${type === undefined ? "absent" : JSON.stringify(type)}`;
  section.fail("SLIPWAY_COMPOSE_VALUE", message, section.placeOf("type"));
  return undefined;
}

function readLongBind(section: Section, target: string, readOnly: boolean, directory: string): BindMount | undefined {
  const source = section.string("source");
  if (source === undefined) {
    section.fail("SLIPWAY_COMPOSE_VALUE", `${section.path} of type bind needs a source`, section.place);
    return undefined;
  }
  const bind = section.section("bind");
  const propagation = bind?.parsedKey("propagation", parsePropagation);
  const createHostPath = bind?.boolean("create_host_path") ?? true;
  const mount: BindMount = { type: "bind", source: resolveSource(source, directory), target, readOnly, createHostPath };
  return propagation === undefined ? mount : { ...mount, propagation };
}

function readLongTmpfs(section: Section, target: string): TmpfsMount {
  const tmpfs = section.section("tmpfs");
  return tmpfsMount(target, tmpfs?.parsedKey("size", parseSizeBytes), tmpfs?.parsedKey("mode", parseMode));
}

function readTmpfs(service: Section): PlacedMount[] {
  return service.scalars("tmpfs", { orOne: true }).flatMap((scalar) => {
    const mount = service.parsed("tmpfs", scalar, parseTmpfsShort);
    return mount === undefined ? [] : [{ mount, place: scalar.place }];
  });
}

/** `target[:size=64m,mode=1777]`. @throws RangeError */
export function parseTmpfsShort(text: string): TmpfsMount {
  const [target, options = "", ...more] = text.split(":") as [string, ...string[]];
  if (more.length > 0) throw new RangeError(`${JSON.stringify(text)} is no tmpfs (as in /run:size=64m)`);
  let size: number | undefined;
  let mode: number | undefined;
  for (const option of options === "" ? [] : options.split(",")) {
    const [name, value = ""] = option.split("=") as [string, ...string[]];
    if (name === "size") size = parseSizeBytes(value);
    else if (name === "mode") mode = parseMode(value);
    else if (!["rw", "nosuid", "nodev"].includes(name))
      throw new RangeError(`${JSON.stringify(name)} is no option of a tmpfs (size, mode)`);
  }
  return tmpfsMount(absoluteTarget(target), size, mode);
}

function tmpfsMount(target: string, sizeBytes: number | undefined, mode: number | undefined): TmpfsMount {
  return {
    type: "tmpfs",
    target,
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
    ...(mode === undefined ? {} : { mode }),
  };
}

function isPath(source: string): boolean {
  return source.startsWith(".") || source.startsWith("/") || source.startsWith("~");
}

/** A bind's source, absolute: `~` is the home of who runs us, the rest is relative to the file's directory. */
function resolveSource(source: string, directory: string): string {
  if (source === "~" || source.startsWith("~/")) return resolve(homedir(), source.slice(2));
  return resolve(directory, source);
}

function absoluteTarget(target: string): string {
  if (!isAbsolute(target))
    throw new RangeError(`the target ${JSON.stringify(target)} is no absolute path in the container`);
  const path = normalize(join("/", target)).replace(/(.)\/$/, "$1");
  if (path === "/") throw new RangeError("nothing can be mounted on / itself");
  return path;
}

function volumeName(source: string): string {
  if (source === "" || RESOURCE_NAME.test(source)) return source;
  throw new RangeError(`${JSON.stringify(source)} is no volume's name; a path starts with ./, / or ~`);
}

function parsePropagation(text: string): MountPropagation {
  if (isPropagation(text)) return text;
  throw new RangeError(`${JSON.stringify(text)} is no propagation (${PROPAGATIONS.join(", ")})`);
}

function isPropagation(text: string): text is MountPropagation {
  return (PROPAGATIONS as readonly string[]).includes(text);
}
