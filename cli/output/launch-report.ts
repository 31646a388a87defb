import type { LaunchReport } from "#contracts/api.ts";
import { paint } from "./colour.ts";

type Step = LaunchReport["steps"][number];

/** strace's notation with its times (`strace -T`): `[child] setsid() = 1 <0.000004>`, each after the name of its step. */
export function formatLaunch({ steps }: LaunchReport, colour: boolean): string {
  let name = "";
  return steps
    .map((step) => {
      const title = step.name === name ? "" : `${paint(colour, "dim", `# ${step.name}`)}\n`;
      name = step.name;
      return `${title}${formatStep(step, colour)}\n`;
    })
    .join("");
}

function formatStep({ where, call, result, errno, microseconds }: Step, colour: boolean): string {
  const place = where === "host" ? "[host]  " : "[child] ";
  if (result === null && microseconds === null) return `${place}${paint(colour, "dim", `${call} = ? (not reached)`)}`;
  const value = errno === null ? String(result ?? 0) : paint(colour, "red", `-1 ${errno}`);
  const time = microseconds === null ? "" : ` <${(microseconds / 1e6).toFixed(6)}>`;
  return `${place}${call} = ${value}${time}`;
}
