import type { ChildPlan } from "#kernel/plan/child-plan.ts";
import type { HostStep, Step } from "#kernel/plan/step.ts";
import type { CgroupMembership } from "./container-launch.ts";
import { AT_FDCWD, flags, onHost, result } from "./steps.ts";

const CGROUP_FD = "cgroup";
const tasksOf = (directory: string): string => `tasks of ${directory}`;

/** On the host: the directory to be born in, and the files by which the child joins v1 groups. */
export function openCgroups({ into, join }: CgroupMembership): HostStep[] {
  const directory = flags("O_RDONLY", "O_DIRECTORY", "O_CLOEXEC");
  const born =
    into === null ? [] : [onHost({ name: CGROUP_FD, call: "openat", args: [AT_FDCWD, into, directory, 0] }, true)];
  const writable = flags("O_WRONLY", "O_CLOEXEC");
  const joined = join.map((group) =>
    onHost({ name: tasksOf(group), call: "openat", args: [AT_FDCWD, `${group}/tasks`, writable, 0] }, true),
  );
  return [...born, ...joined];
}

export const bornInCgroup = ({ into }: CgroupMembership): Pick<ChildPlan, "intoCgroup"> =>
  into === null ? {} : { intoCgroup: CGROUP_FD };

/**
 * In the child, right after its release: it moves itself, by `tasks` (cgroup-v1). A process moved by another, or by cgroup.procs, takes the lock against
 * forks in the whole system, which waits for a grace period of RCU: 5 to 15 ms a launch; a thread that moves itself needs it not (Linux 5.5).
 */
export function joinCgroups({ join }: CgroupMembership): Step[] {
  const itself = { bytes: Buffer.from("0").toString("base64"), label: '"0"' };
  return join.map((group) => ({
    name: `join ${group}`,
    call: "write",
    args: [result(tasksOf(group)), itself, 1],
    atLeast: 1,
  }));
}
