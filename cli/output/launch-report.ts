import type { LaunchReport } from "#contracts/api.ts";
import { paint } from "./colour.ts";

type Step = LaunchReport["steps"][number];

/** strace's notation with its times (`strace -T`), the step's name after it: `[child] setsid() = 1 <0.000004>  # own session`. */
export function formatLaunch({ steps }: LaunchReport, colour: boolean): string {
  return steps
    .map((step, index) => `${formatCall(step, steps[index - 1])}  ${paint(colour, "dim", `# ${step.name}`)}\n`)
    .join("");
}

function formatCall(step: Step, before: Step | undefined): string {
  const { where, call, result, errno, microseconds } = step;
  const time = microseconds === null ? "" : ` <${(microseconds / 1e6).toFixed(6)}>`;
  return `${where === "host" ? "[host] " : "[child]"} ${call} = ${errno === null ? (result ?? unknownResult(step, before)) : `-1 ${errno}`}${time}`;
}

/** An execve that succeeds does not return, so nobody could note its result: it was reached when the step before it went well. */
function unknownResult({ call }: Step, before: Step | undefined): string {
  const succeeded = /^execve(at)?\(/.test(call) && before !== undefined && before.result !== null && before.errno === null;
  return succeeded ? "0" : "? (not reached)";
}
