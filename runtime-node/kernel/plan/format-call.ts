import type { SyscallName } from "../syscall-numbers.ts";
import type { StepArgument } from "./step.ts";

const LONGEST_STRINGS = 8;
/** Which argument of a call is a mode, shown in octal. */
const MODE_ARGUMENT: Partial<Record<SyscallName, number>> = { mkdirat: 2, mknodat: 2, umask: 0 };

/** `call(arg, …)` as strace prints it; an earlier step's result is shown as `<its name>`. */
export function formatSyscall(call: SyscallName, args: readonly StepArgument[]): string {
  const mode = MODE_ARGUMENT[call];
  const shown = args.map((argument, index) =>
    index === mode && typeof argument === "number" ? `0${argument.toString(8)}` : formatArgument(argument),
  );
  return `${call}(${shown.join(", ")})`;
}

function formatArgument(argument: StepArgument): string {
  if (argument === null) return "NULL";
  if (typeof argument === "string") return JSON.stringify(argument);
  if (typeof argument === "number") return argument > 0xffff ? `0x${argument.toString(16)}` : String(argument);
  if ("flags" in argument) return argument.flags.join("|") || "0";
  if ("result" in argument) return `<${argument.result}>`;
  if ("bytes" in argument) return argument.label ?? `{${Buffer.from(argument.bytes, "base64").byteLength} bytes}`;
  if ("words" in argument) return `{${argument.words.map(formatArgument).join(", ")}}`;
  if ("withPid" in argument) return JSON.stringify(argument.withPid);
  const shown = argument.strings.slice(0, LONGEST_STRINGS).map((text) => JSON.stringify(text));
  if (argument.strings.length > LONGEST_STRINGS) shown.push("…");
  return `[${shown.join(", ")}]`;
}
