import type { StepArgument, Step } from "#kernel/plan/step.ts";
import { type ChildPlan, SECOND_PID, WAIT_FOR_RELEASE } from "#kernel/plan/child-plan.ts";
import { bornInCgroup, joinCgroups, openCgroups } from "./cgroup-steps.ts";
import type { CgroupMembership, ProcessLaunch, StdioPaths } from "./container-launch.ts";
import { becomeUser, filterAndExec, openStdio, settleProcess, stand } from "./process-steps.ts";
import { flags, result } from "./steps.ts";

/** A process to be started in a running container's namespaces, cgroup and seccomp filter. */
export interface ExecLaunch {
  /** The id the container was launched under. */
  container: string;
  process: ProcessLaunch;
  stdio: StdioPaths;
  cgroup: CgroupMembership;
  openFiles: { soft: number; hard: number };
}

const CONTAINER = "container";
const SECOND_CLONE = "clone into the pid namespace";
const LEAVE = "the first child ends";

/**
 * setns(2) into a pid namespace only moves children, so the first child joins everything and clones a second time. With
 * CLONE_PARENT the second is the supervisor's own child, so its exit code is ours to wait for.
 */
export function planExec({ container, process, stdio, cgroup, openFiles }: ExecLaunch): ChildPlan {
  return {
    prepare: [{ kind: "pidfd", name: CONTAINER, child: container }, ...openStdio(stdio), ...openCgroups(cgroup)],
    namespaces: [],
    ...bornInCgroup(cgroup),
    parked: [],
    child: [
      ...WAIT_FOR_RELEASE,
      ...joinCgroups(cgroup),
      joinNamespaces(),
      { name: "root's group inside", call: "setresgid", args: [0, 0, 0] },
      { name: "root inside", call: "setresuid", args: [0, 0, 0] },
      ...settleProcess(openFiles),
      stand(process.workingDir),
      ...becomeUser(process),
      // From here on the container's processes can see and signal it: what is left to do is short.
      secondClone(),
      { name: "own session", call: "setsid", args: [] },
      ...filterAndExec(process),
      { name: LEAVE, call: "exit_group", args: [0] },
    ],
    pidFrom: SECOND_CLONE,
    cleanup: [],
  };
}

function joinNamespaces(): Step {
  const all = flags(
    "CLONE_NEWUSER",
    "CLONE_NEWNS",
    "CLONE_NEWPID",
    "CLONE_NEWNET",
    "CLONE_NEWUTS",
    "CLONE_NEWIPC",
    "CLONE_NEWCGROUP",
  );
  return { name: "join the namespaces", call: "setns", args: [result(CONTAINER), all] };
}

/** The second child runs on the first one's stack, which sleeps meanwhile (CLONE_VFORK); no step pushes anything. */
function secondClone(): Step {
  const words: StepArgument[] = [
    flags("CLONE_VM", "CLONE_VFORK", "CLONE_PARENT", "CLONE_PARENT_SETTID", "CLONE_CLEAR_SIGHAND"),
    0,
    0,
    result(SECOND_PID),
    ...Array<number>(7).fill(0),
  ];
  return { name: SECOND_CLONE, call: "clone3", args: [{ words }, words.length * 8], branch: LEAVE };
}
