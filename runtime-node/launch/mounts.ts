import { dirname } from "node:path/posix";
import type { ConstantName } from "#kernel/constants.ts";
import type { HostStep, Step, StepArgument } from "#kernel/plan/step.ts";
import { CONTAINER_USER_NAMESPACE } from "./root-file-system.ts";
import type { LaunchMount } from "./container-launch.ts";
import {
  AT_FDCWD,
  attachMount,
  createFileSystem,
  flags,
  makeDirectories,
  mountFdOf,
  onHost,
  result,
  setMountAttributes,
} from "./steps.ts";

type Bind = Extract<LaunchMount, { kind: "bind" }>;
type Tmpfs = Extract<LaunchMount, { kind: "tmpfs" }>;

const MODE_OF_MOUNT_POINT_FILE = 0o100644;
const SAFE: ConstantName[] = ["MOUNT_ATTR_NOSUID", "MOUNT_ATTR_NODEV"];
/** struct open_how: flags, mode, resolve. */
const OPEN_HOW_BYTES = 24;
const bindFd = (target: string): string => `bind ${target}`;

/**
 * On the host: each bind becomes a detached, idmapped mount, so that the child resolves no path of the host. nosuid and
 * nodev: a setuid file that a container's root makes would be root's on the host.
 */
export function prepareBinds(mounts: readonly LaunchMount[]): HostStep[] {
  return mounts.flatMap((mount) => (mount.kind === "bind" ? prepareBind(mount) : []));
}

/** In the child, inside its new root: mount points are made and the mounts attached, outer ones first. */
export function attachMounts(mounts: readonly LaunchMount[]): Step[] {
  const depth = ({ target }: LaunchMount): number => target.split("/").length;
  return mounts
    .toSorted((a, b) => depth(a) - depth(b))
    .flatMap((mount) => (mount.kind === "bind" ? attachBind(mount) : attachTmpfs(mount)));
}

function prepareBind(bind: Bind): HostStep[] {
  const { target, readOnly, idmap, recursive, propagation, device } = bind;
  const fd = bindFd(target);
  const userNamespace = idmap === "container" ? CONTAINER_USER_NAMESPACE : `id map of ${target}`;
  const set: ConstantName[] = device === true ? ["MOUNT_ATTR_NOSUID", "MOUNT_ATTR_NOEXEC"] : [...SAFE];
  if (readOnly) set.push("MOUNT_ATTR_RDONLY");
  if (idmap !== null) set.push("MOUNT_ATTR_IDMAP");
  return [
    ...(idmap === null || idmap === "container"
      ? []
      : [{ kind: "user-namespace" as const, name: userNamespace, map: idmap }]),
    ...openSource(bind),
    onHost(
      setMountAttributes(
        `restrict ${target}`,
        { fd: result(fd) },
        {
          set,
          ...(device === true ? { clear: ["MOUNT_ATTR_NODEV"] } : {}),
          recursive,
          propagation: propagation === "slave" ? "MS_SLAVE" : "MS_PRIVATE",
          ...(idmap === null ? {} : { userNamespace }),
        },
      ),
    ),
  ];
}

/** As a detached mount. */
function openSource({ source, withoutLinks, target, recursive }: Bind): HostStep[] {
  const clone: ConstantName[] = ["OPEN_TREE_CLONE", "OPEN_TREE_CLOEXEC"];
  if (recursive) clone.push("AT_RECURSIVE");
  const name = bindFd(target);
  if (withoutLinks !== true) return [onHost({ name, call: "open_tree", args: [AT_FDCWD, source, flags(...clone)] }, true)];
  const found = `source of ${target}`;
  const how: StepArgument = { words: [flags("O_PATH", "O_CLOEXEC"), 0, flags("RESOLVE_NO_SYMLINKS")] };
  return [
    onHost({ name: found, call: "openat2", args: [AT_FDCWD, source, how, OPEN_HOW_BYTES] }, true),
    onHost({ name, call: "open_tree", args: [result(found), "", flags(...clone, "AT_EMPTY_PATH")] }, true),
  ];
}

function attachBind({ target, file, targetExists }: Bind): Step[] {
  return [...(targetExists ? [] : mountPoint(target, file)), attachMount(`attach ${target}`, bindFd(target), target, true)];
}

function mountPoint(target: string, file: boolean): Step[] {
  if (!file) return makeDirectories(target);
  return [
    ...(dirname(target) === "/" ? [] : makeDirectories(dirname(target))),
    {
      name: `make ${target}`,
      call: "mknodat",
      args: [AT_FDCWD, target, MODE_OF_MOUNT_POINT_FILE, 0],
      tolerate: ["EEXIST", "EROFS"],
    },
  ];
}

function attachTmpfs({ target, sizeBytes, mode }: Tmpfs): Step[] {
  const label = `tmpfs ${target}`;
  const options: [string, string][] = [["mode", `0${mode.toString(8)}`]];
  if (sizeBytes !== null) options.push(["size", String(sizeBytes)]);
  return [
    ...createFileSystem({ type: "tmpfs", label, options, attributes: [...SAFE, "MOUNT_ATTR_NOEXEC"] }),
    ...makeDirectories(target),
    attachMount(`attach ${target}`, mountFdOf({ type: "tmpfs", label }), target, true),
  ];
}
