import type { ConstantName } from "../constants.ts";
import { errnoName } from "../errno.ts";
import { KernelError } from "../kernel.ts";
import type { ChildMemory } from "./child-memory.ts";
import type { ChildPlan } from "./child-plan.ts";
import { formatClone, formatStep } from "./format-step.ts";
import { HostStepError } from "./host-steps.ts";
import type { Step } from "./step.ts";

/** Why a plan did not end in a running process. Plain data: it crosses the supervisor's socket. */
export interface CloneFailure {
  /** The name of the step. */
  step: string;
  /** In strace's notation. */
  call: string;
  errno: string | null;
  message: string;
  /** True when an execve was refused: the command is not there (ENOENT) or cannot be executed. */
  exec: boolean;
}

interface ChildFailure {
  step: Step;
  result: number;
  memory: ChildMemory;
  plan: ChildPlan;
}

/** What failed: a step of the child, or what a host step threw. */
export function describeFailure(failed: unknown): CloneFailure {
  if (isChildFailure(failed)) return failed.step.call === "execve" ? execFailure(failed) : childFailure(failed);
  if (failed instanceof HostStepError) {
    const errno = failed.cause instanceof KernelError ? failed.cause.errno : null;
    return { step: failed.step.name, call: formatStep(failed.step), errno, message: failed.message, exec: false };
  }
  throw failed;
}

/** clone3(2) itself was refused. */
export function cloneRefused(errno: number, namespaces: readonly ConstantName[]): CloneFailure {
  const call = formatClone(namespaces);
  const name = errnoName(errno);
  return { step: "clone", call, errno: name, message: `clone: ${call} = -1 ${name}`, exec: false };
}

/** Something in the container's pid namespace stopped or killed the second child before it had exec'd. */
export function stoppedFromInside({ pidFrom = "" }: ChildPlan): CloneFailure {
  const message = "a process of the container stopped the new one before it could execute its program";
  return { step: pidFrom, call: "", errno: null, message, exec: false };
}

function isChildFailure(failed: unknown): failed is ChildFailure {
  return typeof failed === "object" && failed !== null && "memory" in failed;
}

function childFailure({ step, result }: ChildFailure): CloneFailure {
  const errno = result < 0 ? errnoName(-result) : null;
  const call = formatStep(step);
  const message = `${step.name}: ${call} = ${errno === null ? result : `-1 ${errno}`}`;
  return { step: step.name, call, errno, message, exec: false };
}

/** Of the execves that were tried along PATH, a file that is there but refused says more than one that is not. */
function execFailure({ step, memory, plan }: ChildFailure): CloneFailure {
  const tried = plan.child
    .filter((candidate) => candidate.call === "execve")
    .map((candidate) => ({ candidate, result: memory.resultOf(candidate.name) ?? 0 }))
    .filter(({ result }) => result < 0);
  const telling = tried.find(({ result }) => !["ENOENT", "ENOTDIR"].includes(errnoName(-result)));
  const { candidate, result } = telling ?? { candidate: step, result: tried.at(-1)?.result ?? 0 };
  const errno = errnoName(-result);
  const call = formatStep(candidate);
  return { step: candidate.name, call, errno, message: `${candidate.name}: ${call} = -1 ${errno}`, exec: true };
}
