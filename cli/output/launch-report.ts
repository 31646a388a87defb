import type { LaunchReport } from "#contracts/api.ts";
import { paint } from "./colour.ts";

type Step = LaunchReport["steps"][number];

/** strace's notation with its times (`strace -T`), the step's name after it: `[child] setsid() = 1 <0.000004>  # own session`. */
export function formatLaunch({ steps }: LaunchReport, colour: boolean): string {
  return steps.map((step) => `${formatCall(step)}  ${paint(colour, "dim", `# ${step.name}`)}\n`).join("");
}

function formatCall({ where, call, result, errno, microseconds }: Step): string {
  const time = microseconds === null ? "" : ` <${(microseconds / 1e6).toFixed(6)}>`;
  const answer = errno === null ? (result ?? "? (not reached)") : `-1 ${errno}`;
  return `${where === "host" ? "[host] " : "[child]"} ${call} = ${answer}${time}`;
}
