import type { Arena } from "../arena.ts";
import { flagBits } from "../constants.ts";
import type { StepArgument } from "./step.ts";

/** What an argument needs to know to become a word. */
export interface ArgumentScope {
  /** The result of an earlier step, or undefined when only the child will know it. */
  resultOf(name: string): number | undefined;
  /** Called with the address of a word that the child must fill with a result when it has it. */
  fillLater(name: string, address: number): void;
  pid?: number;
}

/** Lays an argument out in the arena and writes the word the kernel gets (a number or an address) at `offset`. */
export function writeArgument(arena: Arena, offset: number, argument: StepArgument, scope: ArgumentScope): void {
  arena.setWord(offset, argumentWord(arena, offset, argument, scope));
}

function argumentWord(arena: Arena, offset: number, argument: StepArgument, scope: ArgumentScope): number {
  if (argument === null) return 0;
  if (typeof argument === "number") return argument;
  if (typeof argument === "string") return arena.storeString(argument);
  if ("flags" in argument) return flagBits(argument.flags);
  if ("strings" in argument) return arena.storeStrings(argument.strings);
  if ("bytes" in argument) return arena.store(Buffer.from(argument.bytes, "base64"));
  if ("withPid" in argument) return arena.storeString(argument.withPid.replace("{pid}", String(scope.pid)));
  if ("words" in argument) return storeWords(arena, argument.words, scope);
  const known = scope.resultOf(argument.result);
  if (known !== undefined) return known;
  scope.fillLater(argument.result, arena.address + offset);
  return 0;
}

function storeWords(arena: Arena, words: readonly StepArgument[], scope: ArgumentScope): number {
  const start = arena.reserve(words.length * 8);
  words.forEach((word, index) => writeArgument(arena, start + index * 8, word, scope));
  return arena.address + start;
}
