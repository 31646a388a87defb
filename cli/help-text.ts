import { flagsOf } from "./arguments/parse-flags.ts";
import type { FlagDefinition, Verb } from "./verb.ts";

/** `slipway help`. */
export function generalHelp(verbs: readonly Verb[]): string {
  return `Usage: slipway VERB [FLAGS] …

Event-driven services on your own Linux machines.

${verbList(verbs)}
\`slipway help VERB\` shows a verb's flags. -o json prints JSON.
SLIPWAY_HOME is the platform's folder, SLIPWAY_HOST its address (unix:///path, http://host:port), SLIPWAY_TOKEN the token.
`;
}

/** `slipway image`. */
export function groupHelp(verbs: readonly Verb[], group: string): string {
  return `Usage: slipway ${group} VERB [FLAGS] …\n\n${verbList(verbs.filter(({ name }) => name.startsWith(`${group} `)))}`;
}

/** `slipway help ps`. */
export function verbHelp(verb: Verb): string {
  const flags = Object.entries(flagsOf(verb)).map(([name, flag]) => [flagUsage(name, flag), flag.help] as const);
  const operands = verb.operands === undefined ? "" : ` ${verb.operands}`;
  const details = verb.details === undefined ? "" : `\n${verb.details}\n`;
  return `Usage: slipway ${verb.name} [FLAGS]${operands}\n\n${sentence(verb.summary)}\n${details}\nFlags:\n${aligned(flags)}`;
}

function verbList(verbs: readonly Verb[]): string {
  return aligned(verbs.map(({ name, summary }) => [name, summary] as const));
}

function flagUsage(name: string, { short, type, value, multiple }: FlagDefinition): string {
  const argument = type === "string" ? ` ${value ?? "VALUE"}${multiple === true ? "…" : ""}` : "";
  return `${short === undefined ? "    " : `-${short}, `}--${name}${argument}`;
}

function aligned(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join("");
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
