import type { ApiClient } from "./api/client.ts";
import type { Terminal } from "./output/terminal.ts";

/** One flag. `short` is one letter; `value` names what it takes, in help. */
export interface FlagDefinition {
  type: "boolean" | "string";
  short?: string;
  multiple?: boolean;
  value?: string;
  help: string;
}
export type FlagTable = Readonly<Record<string, FlagDefinition>>;

type FlagValue<Flag extends FlagDefinition> = Flag["type"] extends "boolean"
  ? boolean
  : Flag["multiple"] extends true
    ? string[]
    : string | undefined;
export type FlagValues<Flags extends FlagTable> = { [Name in keyof Flags]: FlagValue<Flags[Name]> };

/** One call of a verb. */
export interface Invocation<Flags extends FlagTable = FlagTable> {
  flags: FlagValues<Flags>;
  /** What is not a flag. */
  operands: string[];
  /** True with `-o json`. */
  json: boolean;
  environment: Readonly<Record<string, string | undefined>>;
  terminal: Terminal;
  api: ApiClient;
  /** Aborted with a QuietExit by the first SIGINT or SIGTERM that the verb does not take for itself. */
  signal: AbortSignal;
  /** From now on signals come here, not to `signal`; until disposed. */
  takeSignals: (onSignal: (name: NodeJS.Signals) => void) => Disposable;
}

export interface VerbDefinition<Flags extends FlagTable> {
  /** `ps`, `image ls`. */
  name: string;
  /** What follows the flags: `INSTANCE…`. */
  operands?: string;
  minimumOperands?: number;
  /** 0 when absent and there is no `operands`; unlimited when absent and there is. */
  maximumOperands?: number;
  summary: string;
  /** A paragraph more, for `help VERB`. */
  details?: string;
  flags: Flags;
  /** It changes something: its trace is kept. told: its id is printed at the end; silently: not, or by the verb itself. */
  traced?: "told" | "silently";
  /** Docker's way: flags end at the first operand, and all that follows is the container's command. */
  stopAtOperand?: boolean;
  /** Resolves to the exit code; nothing is 0. */
  run(invocation: Invocation<Flags>): Promise<number | void>;
}

export type Verb = VerbDefinition<FlagTable>;

/** Keeps the types of a verb's flags for its `run`. */
export function defineVerb<const Flags extends FlagTable>(verb: VerbDefinition<Flags>): Verb {
  return verb;
}

/** `-o json`, which every verb takes. */
export const OUTPUT_FLAG = {
  output: { type: "string", short: "o", value: "json", help: "print JSON; errors become problem details (RFC 9457)" },
} as const satisfies FlagTable;
