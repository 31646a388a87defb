import { formatSyscall } from "./format-call.ts";
import type { ConstantName } from "../constants.ts";
import type { HostStep, IdExtent, Step } from "./step.ts";

/** A step in strace's notation, without its result. */
export function formatStep(step: Step | HostStep): string {
  if (!("kind" in step) || step.kind === "call") return formatSyscall(step.call, step.args);
  if (step.kind === "write") return `write(<${step.path}>, ${JSON.stringify(step.text)}, ${Buffer.byteLength(step.text)})`;
  if (step.kind === "pidfd") return `pidfd(${JSON.stringify(step.child)})`;
  return `user_namespace({uid_map=${formatExtents(step.map.uid)}, gid_map=${formatExtents(step.map.gid)}})`;
}

function formatExtents(extents: readonly IdExtent[]): string {
  return `"${extents.map(({ inside, outside, count }) => `${inside} ${outside} ${count}`).join("\\n")}"`;
}

/** The first clone of a plan, with the namespaces that it makes. */
export function formatClone(namespaces: readonly ConstantName[]): string {
  return `clone3({flags=${["CLONE_VM", "CLONE_VFORK", "CLONE_PIDFD", ...namespaces].join("|")}, exit_signal=SIGCHLD}, 88)`;
}
