import type { ConstantName } from "#kernel/constants.ts";
import type { HostStep, Step, StepArgument } from "#kernel/plan/step.ts";

/** The arguments that many steps share. */
export const AT_FDCWD: StepArgument = { flags: ["AT_FDCWD"] };
export const result = (of: string): StepArgument => ({ result: of });
export const flags = (...names: ConstantName[]): StepArgument => ({ flags: names });

/** A child step as a host step; its result is an fd of the launch when `opens`. */
export const onHost = (step: Step, opens = false): HostStep => ({ kind: "call", ...step, ...(opens ? { opens } : {}) });

const MOUNT_ATTR_BYTES = 32;

/** mount_setattr(2) on an fd or a path. */
export function setMountAttributes(
  name: string,
  target: { fd: StepArgument } | { path: string },
  attributes: {
    set: ConstantName[];
    clear?: ConstantName[];
    propagation?: ConstantName;
    userNamespace?: string;
    recursive?: boolean;
  },
): Step {
  const recursive: ConstantName[] = attributes.recursive === true ? ["AT_RECURSIVE"] : [];
  const [directory, path, at] =
    "fd" in target ? [target.fd, "", flags("AT_EMPTY_PATH", ...recursive)] : [AT_FDCWD, target.path, flags(...recursive)];
  const attr: StepArgument[] = [
    flags(...attributes.set),
    attributes.clear === undefined ? 0 : flags(...attributes.clear),
    attributes.propagation === undefined ? 0 : flags(attributes.propagation),
    attributes.userNamespace === undefined ? 0 : result(attributes.userNamespace),
  ];
  return { name, call: "mount_setattr", args: [directory, path, at, { words: attr }, MOUNT_ATTR_BYTES] };
}

/** Attaches a detached mount at a path; a last component that is a symlink is followed when `follow`. */
export function attachMount(name: string, mountFd: string, path: string, follow = false): Step {
  const how: ConstantName[] = ["MOVE_MOUNT_F_EMPTY_PATH"];
  if (follow) how.push("MOVE_MOUNT_T_SYMLINKS");
  return { name, call: "move_mount", args: [result(mountFd), "", AT_FDCWD, path, flags(...how)] };
}

export interface NewFileSystem {
  /** `proc`: names the steps and is the file system's type. */
  type: string;
  /** Distinguishes two of one type. */
  label?: string;
  options?: [key: string, value: string][];
  /** Options whose values are fds, by the names of their steps: a key may stand there several times. */
  fds?: [key: string, step: string][];
  /** Options without a value. */
  switches?: string[];
  attributes: ConstantName[];
}

/** The name of the step whose result is the fd of the detached mount. */
export const mountFdOf = ({ type, label }: Pick<NewFileSystem, "type" | "label">): string => `mount ${label ?? type}`;

/** fsopen, fsconfig…, fsmount: a detached mount, known as {@link mountFdOf}. */
export function createFileSystem({
  type,
  label = type,
  options = [],
  fds = [],
  switches = [],
  attributes,
}: NewFileSystem): Step[] {
  const context = `open ${label}`;
  const configure = (command: ConstantName, key: string | null, value: string | null, what: string): Step => ({
    name: `configure ${label}: ${what}`,
    call: "fsconfig",
    args: [result(context), flags(command), key, value, 0],
  });
  return [
    { name: context, call: "fsopen", args: [type, flags("FSOPEN_CLOEXEC")] },
    ...options.map(([key, value]) => configure("FSCONFIG_SET_STRING", key, value, key)),
    ...fds.map(([key, step]): Step => ({
      name: `configure ${label}: ${step}`,
      call: "fsconfig",
      args: [result(context), flags("FSCONFIG_SET_FD"), key, null, result(step)],
    })),
    ...switches.map((key) => configure("FSCONFIG_SET_FLAG", key, null, key)),
    configure("FSCONFIG_CMD_CREATE", null, null, "create"),
    {
      name: mountFdOf({ label, type }),
      call: "fsmount",
      args: [result(context), flags("FSMOUNT_CLOEXEC"), flags(...attributes)],
    },
  ];
}

/** mkdir -p of an absolute path, component by component. */
export function makeDirectories(path: string, mode = 0o755): Step[] {
  const parts = path.split("/").filter((part) => part !== "");
  return parts.map((_, index): Step => {
    const prefix = `/${parts.slice(0, index + 1).join("/")}`;
    return {
      name: `make ${prefix} for ${path}`,
      call: "mkdirat",
      args: [AT_FDCWD, prefix, mode],
      tolerate: ["EEXIST", "EROFS"],
    };
  });
}
