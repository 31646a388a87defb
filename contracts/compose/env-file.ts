import { interpolate, InterpolationFailure, type VariableLookup } from "./interpolate.ts";

/** A line of an env file that could not be read; the line counts from 1. */
export class EnvFileFailure extends Error {
  readonly line: number;

  constructor(message: string, line: number) {
    super(message);
    this.line = line;
  }
}

const ASSIGNMENT = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*(?:([=:])[^\S\n]*|(?=\n|$))/;
const ESCAPES: Record<string, string> = { n: "\n", r: "\r", t: "\t", "\\": "\\", '"': '"', $: "$$" };

/**
 * Compose Specification, "Env_file format" (.env has the same): `KEY=value`, `KEY: value`, `export`, `#` comments (after a value
 * only with a blank before), single quotes as they are, double quotes with escapes, both over several lines, interpolation but in
 * single quotes. A name alone is taken from `lookup`. A name sees those above it.
 * @throws EnvFileFailure
 */
export function parseEnvFile(text: string, lookup: VariableLookup): Map<string, string> {
  const variables = new Map<string, string>();
  const find: VariableLookup = (name) => lookup(name) ?? variables.get(name);
  let rest = text.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n");
  const total = rest.length;
  const whole = rest;
  const line = (): number => whole.slice(0, total - rest.length).split("\n").length;
  while (rest !== "") {
    const blank = /^[^\S\n]*(#[^\n]*)?(\n|$)/.exec(rest);
    if (blank !== null) {
      rest = rest.slice(blank[0].length);
      continue;
    }
    const assignment = ASSIGNMENT.exec(rest);
    if (assignment === null) throw new EnvFileFailure(`${JSON.stringify(firstLine(rest))} is no KEY=value`, line());
    const [start, name, separator] = assignment as unknown as [string, string, string | undefined];
    const at = line();
    rest = rest.slice(start.length);
    if (separator === undefined) {
      const inherited = lookup(name);
      if (inherited !== undefined) variables.set(name, inherited);
      continue;
    }
    const { value, consumed } = readValue(rest, find, at);
    variables.set(name, value);
    rest = rest.slice(consumed);
  }
  return variables;
}

/** `format: raw`: each line is `KEY=value` up to its end, with no quotes, escapes or interpolation. */
export function parseRawEnvFile(text: string): Map<string, string> {
  const variables = new Map<string, string>();
  text.split(/\r?\n/).forEach((content, index) => {
    if (content.trim() === "" || content.trimStart().startsWith("#")) return;
    const equals = content.indexOf("=");
    if (equals <= 0) throw new EnvFileFailure(`${JSON.stringify(content)} is no KEY=value`, index + 1);
    variables.set(content.slice(0, equals).trim(), content.slice(equals + 1));
  });
  return variables;
}

function readValue(rest: string, lookup: VariableLookup, line: number): { value: string; consumed: number } {
  const quote = rest[0];
  if (quote === "'" || quote === '"') return readQuoted(rest, quote, lookup, line);
  const raw = firstLine(rest);
  const value = raw.replace(/(^|\s)#.*$/, "").trim();
  return { value: expand(value, lookup, line), consumed: raw.length };
}

function readQuoted(
  rest: string,
  quote: string,
  lookup: VariableLookup,
  line: number,
): { value: string; consumed: number } {
  let end = 1;
  while (end < rest.length && rest[end] !== quote) end += rest[end] === "\\" ? 2 : 1;
  if (end >= rest.length) throw new EnvFileFailure(`the quote ${quote} is not closed`, line);
  const after = firstLine(rest.slice(end + 1));
  if (!/^\s*(#.*)?$/.test(after)) throw new EnvFileFailure(`${JSON.stringify(after.trim())} follows a closed quote`, line);
  const inside = rest.slice(1, end);
  const consumed = end + 1 + after.length;
  if (quote === "'") return { value: inside.replaceAll("\\'", "'"), consumed };
  const unescaped = inside.replaceAll(/\\([\s\S])/g, (whole, character: string) => ESCAPES[character] ?? whole);
  return { value: expand(unescaped, lookup, line), consumed };
}

/** Interpolates; a dollar that starts no variable stays one, as in docker compose's reader. */
function expand(value: string, lookup: VariableLookup, line: number): string {
  try {
    return interpolate(value.replaceAll(/\$\$|\$(?![A-Za-z_{])/g, "$$$$"), lookup);
  } catch (error) {
    if (error instanceof InterpolationFailure) throw new EnvFileFailure(error.message, line);
    throw error;
  }
}

function firstLine(text: string): string {
  const end = text.indexOf("\n");
  return end < 0 ? text : text.slice(0, end);
}
