import { existsSync, readFileSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { open, rm } from "node:fs/promises";
import { release } from "node:os";
import { join } from "node:path";
import type { DoctorCheck } from "#contracts/api.ts";
import type { NodeServices } from "../../container/node-services.ts";
import { OPEN_FILES } from "../../container/open-files.ts";
import { diagnoseForwarding } from "../../network/diagnose-forwarding.ts";
import type { NodeRequestHandlers } from "./serve-operations.ts";

const FSYNC_ROUNDS = 16;
const LEAST_KERNEL = [6, 1] as const;
const WANTED_OPEN_FILES = 65_536;

type CanIdmap = (path: string) => Promise<boolean>;

/** What this kernel and machine allow, found by trying it, and what to do about the rest. */
export function doctorOperation(node: NodeServices, canIdmap: CanIdmap, home: string): NodeRequestHandlers["doctor"] {
  return async () => [
    kernelVersion(),
    cgroupControllers(node),
    await idmappedMounts(canIdmap, home),
    await diskSync(home),
    openFiles(),
    appArmor(),
    ...diagnoseForwarding(node.kernel, node.home.hash),
  ];
}

function kernelVersion(): DoctorCheck {
  const [major = 0, minor = 0] = release().split(".").map(Number);
  const isEnough = major > LEAST_KERNEL[0] || (major === LEAST_KERNEL[0] && minor >= LEAST_KERNEL[1]);
  return {
    id: "kernel",
    verdict: isEnough ? "ok" : "missing",
    found: release(),
    means: isEnough ? "Containers can be launched." : "Containers are launched with calls that this kernel lacks.",
    remedy: isEnough ? "" : `Boot Linux ${LEAST_KERNEL.join(".")} or newer.`,
  };
}

function cgroupControllers({ cgroups }: NodeServices): DoctorCheck {
  const { missing, version } = cgroups;
  return {
    id: "cgroup",
    verdict: missing.length === 0 ? "ok" : "missing",
    found: missing.length === 0 ? `${version}, with cpu, memory and pids` : `${version}, without ${missing.join(", ")}`,
    means: missing.length === 0 ? "Limits are enforced." : `A service with a ${missing.join(" or ")} limit is refused.`,
    remedy: missing.length === 0 ? "" : "Boot with the controllers enabled (cgroup_enable=memory), or mount cgroup v2.",
  };
}

async function idmappedMounts(canIdmap: CanIdmap, home: string): Promise<DoctorCheck> {
  const works = await canIdmap(home);
  return {
    id: "idmapped-mounts",
    verdict: works ? "ok" : "missing",
    found: works ? `${home} can be idmapped` : `the file system of ${home} cannot be idmapped`,
    means: works
      ? "Image layers and volumes are shifted, not copied."
      : "Images and volumes there cannot be used by containers.",
    remedy: works ? "" : "Put the home on ext4, xfs or btrfs.",
  };
}

/** The time of an fsync is what every acknowledged write waits for. */
async function diskSync(home: string): Promise<DoctorCheck> {
  const path = join(home, `doctor-${randomUUID()}`);
  await using file = await open(path, "wx", 0o600);
  // It has no name from here on: an agent that is killed leaves nothing.
  await rm(path);
  const times: number[] = [];
  for (let round = 0; round < FSYNC_ROUNDS; round++) {
    const before = performance.now();
    await file.write("x");
    await file.sync();
    times.push(performance.now() - before);
  }
  const median = times.toSorted((a, b) => a - b)[FSYNC_ROUNDS / 2] ?? 0;
  return {
    id: "fsync",
    verdict: median < 20 ? "ok" : "limited",
    found: `${median.toFixed(2)} ms (median of ${FSYNC_ROUNDS})`,
    means: median < 20 ? "Desired state and events are stored quickly." : "Every change waits this long for the disk.",
    remedy: median < 20 ? "" : "Put the home on a faster disk.",
  };
}

function openFiles(): DoctorCheck {
  const enough = OPEN_FILES.hard >= WANTED_OPEN_FILES;
  return {
    id: "open-files",
    verdict: enough ? "ok" : "limited",
    found: `a process may have ${OPEN_FILES.hard} open files`,
    means: enough ? "Containers get systemd's usual limit." : "A program that raises its own limit gets no more than this.",
    remedy: enough ? "" : "Start the server with a higher hard limit (LimitNOFILE=524288 in its unit).",
  };
}

function appArmor(): DoctorCheck {
  const parameter = "/sys/module/apparmor/parameters/enabled";
  const enabled = existsSync(parameter) && readFileSync(parameter, "utf8").startsWith("Y");
  return {
    id: "apparmor",
    verdict: enabled ? "ok" : "limited",
    found: enabled ? "enabled" : "not in this kernel, or off",
    means: "Containers are confined by namespaces, capabilities and seccomp; no AppArmor profile is used yet.",
    remedy: "",
  };
}
