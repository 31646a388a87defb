import type { ConstantName } from "#kernel/constants.ts";
import { type ChildPlan, OWN_FILES, WAIT_WITH_SHARED_FILES } from "#kernel/plan/child-plan.ts";
import type { HostStep, Step } from "#kernel/plan/step.ts";
import { mapSteps } from "#kernel/user-namespaces.ts";
import { bornInCgroup, joinCgroups, openCgroups } from "./cgroup-steps.ts";
import type { ContainerLaunch } from "./container-launch.ts";
import { filterAndExecInit, openInit, settleInit } from "./init-steps.ts";
import { attachKernelFileSystems, attachProc, openKernelFileSystems } from "./kernel-file-systems.ts";
import { maskProc, maskSys, openMasks } from "./masked-paths.ts";
import { attachMounts, prepareBinds } from "./mounts.ts";
import { becomeUser, filterAndExec, openStdio, settleProcess, stand } from "./process-steps.ts";
import { cleanupRoot, enterRoot, prepareRoot } from "./root-file-system.ts";
import { AT_FDCWD, flags, makeDirectories, result, setMountAttributes } from "./steps.ts";

/** All of namespaces(7) but cgroup, which must wait until the child is in its cgroup, and time, which nobody wants moved. */
const NAMESPACES: ConstantName[] = [
  "CLONE_NEWUSER",
  "CLONE_NEWPID",
  "CLONE_NEWNS",
  "CLONE_NEWNET",
  "CLONE_NEWUTS",
  "CLONE_NEWIPC",
];

/** Every system call that makes the container, in order. */
export function planContainer(launch: ContainerLaunch): ChildPlan {
  const { root, runFolder, idMap, mounts, cgroup } = launch;
  return {
    prepare: [...openCgroups(cgroup), ...openStdio(launch.stdio), ...(launch.init === null ? [] : openInit(launch.init))],
    namespaces: NAMESPACES,
    ...bornInCgroup(cgroup),
    parked: [...mapSteps(idMap), setOomScore(launch.oomScoreAdj), ...prepareRoot(root, runFolder), ...prepareBinds(mounts)],
    sharesFilesUntil: OWN_FILES,
    child: [
      ...WAIT_WITH_SHARED_FILES,
      ...joinCgroups(cgroup),
      ...leaveTheHost(),
      ...openKernelFileSystems(cgroup),
      ...openMasks(),
      ...enterRoot(runFolder),
      ...attachKernelFileSystems(cgroup),
      ...maskSys(),
      // Before there is a /proc: no link in an image or a volume can lead by /proc/self/fd to what the supervisor has open.
      ...attachMounts(mounts),
      ...workingDirectory(launch),
      ...attachProc(),
      ...openLowPorts(),
      ...maskProc(),
      ...finishRoot(launch),
      ...(launch.init === null ? settleProcess(launch.openFiles) : settleInit(launch.openFiles)),
      stand(launch.process.workingDir),
      ...becomeUser(launch.process),
      ...(launch.init === null ? filterAndExec(launch.process) : filterAndExecInit(launch.process)),
    ],
    cleanup: cleanupRoot(root, runFolder),
  };
}

/** A session of its own, root of its user namespace, a cgroup namespace rooted where it now is, no mount shared with the host. */
function leaveTheHost(): Step[] {
  return [
    { name: "own session", call: "setsid", args: [] },
    { name: "own cgroup namespace", call: "unshare", args: [flags("CLONE_NEWCGROUP")] },
    { name: "root's group inside", call: "setresgid", args: [0, 0, 0] },
    { name: "root inside", call: "setresuid", args: [0, 0, 0] },
    {
      name: "own session keyring",
      call: "keyctl",
      args: [flags("KEYCTL_JOIN_SESSION_KEYRING"), "slipway"],
      tolerate: ["ENOSYS"],
    },
    { name: "mounts are private", call: "mount", args: [null, "/", null, flags("MS_REC", "MS_PRIVATE"), null] },
  ];
}

/** As Docker: any user may bind a low port in the container's own network namespace. Before /proc/sys is read-only. */
function openLowPorts(): Step[] {
  const file = "low ports";
  return [
    {
      name: file,
      call: "openat",
      args: [AT_FDCWD, "/proc/sys/net/ipv4/ip_unprivileged_port_start", flags("O_WRONLY", "O_CLOEXEC"), 0],
    },
    {
      name: "open low ports",
      call: "write",
      args: [result(file), { bytes: Buffer.from("0").toString("base64"), label: '"0"' }, 1],
    },
  ];
}

function workingDirectory({ process: { workingDir } }: ContainerLaunch): Step[] {
  return workingDir === "/" ? [] : makeDirectories(workingDir);
}

function finishRoot({ hostname, root }: ContainerLaunch): Step[] {
  const readOnly = setMountAttributes("make the root read-only", { path: "/" }, { set: ["MOUNT_ATTR_RDONLY"] });
  return [
    ...(root.readOnly ? [readOnly] : []),
    { name: "host name", call: "sethostname", args: [hostname, Buffer.byteLength(hostname)] },
  ];
}

/** On the host, since less than the parent's takes CAP_SYS_RESOURCE there; without it, nobody's wish for 0 is not worth a failure. */
function setOomScore(adjustment: number): HostStep {
  const write = { name: "OOM score", path: "/proc/{pid}/oom_score_adj", text: String(adjustment) };
  return { kind: "write", ...write, ...(adjustment === 0 ? { tolerate: ["EACCES"] } : {}) };
}
