/** Looks a variable up; undefined when it is not set. */
export type VariableLookup = (name: string) => string | undefined;

/** Why a text could not be interpolated, and where in it. */
export class InterpolationFailure extends Error {
  readonly reason: "syntax" | "required";
  readonly offset: number;

  constructor(reason: "syntax" | "required", message: string, offset: number) {
    super(message);
    this.reason = reason;
    this.offset = offset;
  }
}

const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const OPERATOR = /:?[-?+]/y;

/**
 * Compose Specification, "Interpolation": `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME-default}`, `${NAME:?message}`,
 * `${NAME?message}`, `${NAME:+value}`, `${NAME+value}`, nested; `$$` is a dollar sign. With a colon, empty counts as not set.
 * @throws InterpolationFailure
 */
export function interpolate(text: string, lookup: VariableLookup, onUnset: (name: string) => void = () => {}): string {
  return text.includes("$") ? new Interpolation(text, lookup, onUnset).whole() : text;
}

class Interpolation {
  readonly #text: string;
  readonly #lookup: VariableLookup;
  readonly #onUnset: (name: string) => void;
  #at = 0;

  constructor(text: string, lookup: VariableLookup, onUnset: (name: string) => void) {
    this.#text = text;
    this.#lookup = lookup;
    this.#onUnset = onUnset;
  }

  whole(): string {
    return this.#sequence(false, 0, true);
  }

  /**
   * Up to the end, or up to the closing brace that belongs to the expression around it. An operand that is not used is read
   * all the same, to find its end, but requires nothing (`active` is false).
   */
  #sequence(inBraces: boolean, depth: number, active: boolean): string {
    if (depth > 32) throw this.#syntax("expressions are nested more than 32 deep", this.#at);
    let result = "";
    while (this.#at < this.#text.length) {
      const character = this.#text[this.#at]!;
      if (inBraces && character === "}") return result;
      if (character === "$") {
        result += this.#dollar(depth, active);
      } else {
        result += character;
        this.#at += 1;
      }
    }
    return result;
  }

  #dollar(depth: number, active: boolean): string {
    const start = this.#at;
    this.#at += 1;
    const next = this.#text[this.#at];
    if (next === "$") {
      this.#at += 1;
      return "$";
    }
    if (next === "{") return this.#braced(start, depth, active);
    const name = this.#match(NAME);
    if (name === undefined) throw this.#syntax(`"$" is followed by no variable's name`, start);
    return this.#value(name, active);
  }

  #braced(start: number, depth: number, active: boolean): string {
    this.#at += 1;
    const name = this.#match(NAME);
    if (name === undefined) throw this.#syntax(`"\${" is followed by no variable's name`, start);
    const operator = this.#match(OPERATOR);
    const used = active && operator !== undefined && this.#usesOperand(name, operator);
    const operand = operator === undefined ? "" : this.#sequence(true, depth + 1, used);
    if (this.#text[this.#at] !== "}") {
      const more = operator === undefined && this.#at < this.#text.length;
      throw this.#syntax(`"\${${name}" ${more ? "has something after the name" : "is not closed"}`, start);
    }
    this.#at += 1;
    if (operator === undefined) return this.#value(name, active);
    if (!used) return operator.endsWith("+") ? "" : (this.#lookup(name) ?? "");
    if (!operator.endsWith("?")) return operand;
    const message = operand === "" ? "is required and not set" : `is required: ${operand}`;
    throw new InterpolationFailure("required", `the variable ${name} ${message}`, start);
  }

  #usesOperand(name: string, operator: string): boolean {
    const value = this.#lookup(name);
    const set = value !== undefined && !(operator.startsWith(":") && value === "");
    return operator.endsWith("+") ? set : !set;
  }

  #value(name: string, active: boolean): string {
    const value = this.#lookup(name);
    if (value === undefined && active) this.#onUnset(name);
    return value ?? "";
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text)?.[0];
    if (match !== undefined) this.#at += match.length;
    return match;
  }

  #syntax(message: string, offset: number): InterpolationFailure {
    return new InterpolationFailure("syntax", `${message} in ${JSON.stringify(this.#text)}`, offset);
  }
}
