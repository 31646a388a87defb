import { parseArgs } from "node:util";
import { cliError } from "../errors.ts";
import { OUTPUT_FLAG, type FlagTable, type Verb } from "../verb.ts";
import { nearest } from "./nearest.ts";

export interface ParsedCommand {
  flags: Record<string, boolean | string | string[] | undefined>;
  operands: string[];
  json: boolean;
  help: boolean;
}

type Token = NonNullable<ReturnType<typeof parseArgs>["tokens"]>[number];
const HELP_FLAG = { help: { type: "boolean", short: "h", help: "print this" } } as const satisfies FlagTable;

/** The flags of a verb, with those that all have. */
export function flagsOf(verb: Verb): FlagTable {
  // `-h` and `-o` belong to a verb that has its own use for them.
  const shorts = new Set(Object.values(verb.flags).map(({ short }) => short));
  const shared = Object.entries({ ...OUTPUT_FLAG, ...HELP_FLAG }).filter(([name]) => !(name in verb.flags));
  return {
    ...verb.flags,
    ...Object.fromEntries(
      shared.map(([name, flag]) => [name, shorts.has(flag.short) ? { ...flag, short: undefined } : flag]),
    ),
  } as FlagTable;
}

/** Reads a verb's command line. @throws SLIPWAY_CLI_USAGE */
export function parseFlags(verb: Verb, args: readonly string[]): ParsedCommand {
  const table = flagsOf(verb);
  const end = verb.stopAtOperand === true ? firstOperand(table, args) : args.length;
  const tokens = tokensOf(table, args.slice(0, end));
  const flags: ParsedCommand["flags"] = Object.fromEntries(
    Object.entries(table).map(([name, flag]) => [name, initial(flag)]),
  );
  const operands: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") operands.push(token.value);
    if (token.kind === "option") setFlag(verb, table, flags, token);
  }
  operands.push(...args.slice(end));
  const help = flags.help === true;
  if (!help) checkOperands(verb, operands);
  return { flags, operands, json: flags.output === "json", help };
}

function initial(flag: FlagTable[string]): boolean | string[] | undefined {
  if (flag.type === "boolean") return false;
  return flag.multiple === true ? [] : undefined;
}

function tokensOf(table: FlagTable, args: readonly string[]): Token[] {
  const options = Object.fromEntries(
    Object.entries(table).map(([name, { type, short }]) => [name, short === undefined ? { type } : { type, short }]),
  );
  return parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true }).tokens;
}

function firstOperand(table: FlagTable, args: readonly string[]): number {
  const token = tokensOf(table, args).find(({ kind }) => kind === "positional" || kind === "option-terminator");
  return token === undefined ? args.length : token.index + (token.kind === "option-terminator" ? 1 : 0);
}

function setFlag(
  verb: Verb,
  table: FlagTable,
  flags: ParsedCommand["flags"],
  token: Extract<Token, { kind: "option" }>,
): void {
  const flag = Object.hasOwn(table, token.name) ? table[token.name] : undefined;
  if (flag === undefined) throw unknownFlag(verb, table, token.rawName);
  if (flag.type === "boolean") {
    flags[token.name] = booleanValue(verb, token);
    return;
  }
  if (token.value === undefined) throw usage(verb, `${token.rawName} needs a value (${flag.value ?? "VALUE"})`);
  if (token.name === "output" && token.value !== "json")
    throw usage(verb, `-o takes json, not ${JSON.stringify(token.value)}`);
  if (flag.multiple === true) (flags[token.name] as string[]).push(token.value);
  else flags[token.name] = token.value;
}

function booleanValue(verb: Verb, token: Extract<Token, { kind: "option" }>): boolean {
  if (token.value === undefined || token.value === "true") return true;
  if (token.value === "false") return false;
  throw usage(verb, `${token.rawName} is true or false, not ${JSON.stringify(token.value)}`);
}

function checkOperands(verb: Verb, operands: readonly string[]): void {
  const minimum = verb.minimumOperands ?? 0;
  const maximum = verb.maximumOperands ?? (verb.operands === undefined ? 0 : Number.POSITIVE_INFINITY);
  if (operands.length < minimum) throw usage(verb, `slipway ${verb.name} needs ${verb.operands ?? "more"}`);
  if (operands.length > maximum)
    throw usage(verb, `slipway ${verb.name} does not take ${JSON.stringify(operands[maximum])}`);
}

function unknownFlag(verb: Verb, table: FlagTable, written: string): Error {
  const known = Object.entries(table).flatMap(([name, { short }]) =>
    short === undefined ? [`--${name}`] : [`--${name}`, `-${short}`],
  );
  const meant = written.startsWith("--")
    ? nearest(
        written,
        known.filter((flag) => flag.startsWith("--")),
      )
    : undefined;
  const remedy = meant === undefined ? `\`slipway help ${verb.name}\` lists its flags.` : `Did you mean ${meant}?`;
  return cliError("SLIPWAY_CLI_USAGE", `slipway ${verb.name} has no flag ${written}`, { remedy });
}

function usage(verb: Verb, message: string): Error {
  return cliError("SLIPWAY_CLI_USAGE", message, { remedy: `\`slipway help ${verb.name}\` shows how it is used.` });
}
