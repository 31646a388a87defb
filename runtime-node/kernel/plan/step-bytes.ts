import type { Step, StepArgument } from "./step.ts";

const WORD_BYTES = 8;
/** An entry in the list of those who wait for a result, the list's end, and alignment. */
const RESULT_BYTES = 3 * WORD_BYTES;
/** The longest a UTF-16 unit becomes in UTF-8. */
const BYTES_A_UNIT = 3;

/** The most room that a step's strings, structs and lists take beside its record, in bytes. */
export function stepBytes({ args, tolerate = [] }: Step): number {
  return args.reduce<number>((sum, argument) => sum + argumentBytes(argument), (tolerate.length + 2) * WORD_BYTES);
}

function argumentBytes(argument: StepArgument): number {
  if (argument === null || typeof argument === "number") return 0;
  if (typeof argument === "string") return stringBytes(argument);
  if ("result" in argument) return RESULT_BYTES;
  if ("bytes" in argument) return argument.bytes.length + WORD_BYTES;
  if ("withPid" in argument) return stringBytes(argument.withPid) + WORD_BYTES;
  if ("strings" in argument)
    return argument.strings.reduce((sum, text) => sum + stringBytes(text) + WORD_BYTES, 2 * WORD_BYTES);
  if ("words" in argument)
    return argument.words.reduce<number>((sum, word) => sum + argumentBytes(word) + WORD_BYTES, WORD_BYTES);
  return 0;
}

const stringBytes = (text: string): number => text.length * BYTES_A_UNIT + 1;
