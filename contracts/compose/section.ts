import type { Place, SlipwayErrorDetails } from "../slipway-error.ts";
import type { COMPOSE_ERRORS } from "./errors.ts";
import type { Located, LocatedMap, LocatedScalar } from "./located.ts";
import type { Report } from "./report.ts";

/**
 * One map of the file, read by key into plain values. A value of the wrong kind goes to the report and reads as undefined, as
 * an absent one (or `key:` with nothing after it) does.
 */
export class Section {
  readonly path: string;
  readonly report: Report;
  readonly map: LocatedMap;

  constructor(map: LocatedMap, path: string, report: Report) {
    this.map = map;
    this.path = path;
    this.report = report;
  }

  get place(): Place {
    return this.map.place;
  }

  get(name: string): Located | undefined {
    const value = this.map.entries.get(name)?.value;
    return value === undefined || isNull(value) ? undefined : value;
  }

  /** Where a key stands, for messages about it. */
  placeOf(name: string): Place {
    return this.map.entries.get(name)?.value.place ?? this.place;
  }

  scalar(name: string): LocatedScalar | undefined {
    const value = this.get(name);
    return value === undefined ? undefined : this.asScalar(value, name);
  }

  string(name: string): string | undefined {
    return this.scalar(name)?.text;
  }

  boolean(name: string): boolean | undefined {
    const scalar = this.scalar(name);
    if (scalar === undefined) return undefined;
    if (scalar.text === "true") return true;
    if (scalar.text === "false") return false;
    this.fail("SLIPWAY_COMPOSE_TYPE", `${this.path}.${name} is true or false, not ${show(scalar)}`, scalar.place);
    return undefined;
  }

  /** A number in decimal notation; interpolation makes strings, so a string of digits counts. */
  number(name: string, range: { integer?: boolean; minimum: number; maximum?: number }): number | undefined {
    const scalar = this.scalar(name);
    if (scalar === undefined) return undefined;
    const value = /^-?(\d+(\.\d*)?|\.\d+)$/.test(scalar.text) ? Number(scalar.text) : Number.NaN;
    const { integer = false, minimum, maximum = Number.MAX_SAFE_INTEGER } = range;
    if (value >= minimum && value <= maximum && (!integer || Number.isInteger(value))) return value;
    const kind = integer ? "a whole number" : "a number";
    const bounds = range.maximum === undefined ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`;
    this.fail("SLIPWAY_COMPOSE_VALUE", `${this.path}.${name} is ${kind} ${bounds}, not ${show(scalar)}`, scalar.place);
    return undefined;
  }

  section(name: string): Section | undefined {
    const value = this.get(name);
    return value === undefined ? undefined : this.asSection(value, `${this.path === "" ? "" : `${this.path}.`}${name}`);
  }

  /** The items of a list of scalars; with `orOne`, a single scalar is a list of one. */
  scalars(name: string, { orOne = false } = {}): LocatedScalar[] {
    const value = this.get(name);
    if (value === undefined) return [];
    if (value.kind === "scalar" && orOne) return [value];
    if (value.kind === "list")
      return value.items.map((item) => this.asScalar(item, name)).filter((item) => item !== undefined);
    this.fail(
      "SLIPWAY_COMPOSE_TYPE",
      `${this.path}.${name} is a list${orOne ? " or a string" : ""}, not ${kindOf(value)}`,
      value.place,
    );
    return [];
  }

  /** A map of scalars, or a list of `KEY=VALUE` (Compose's "list or dict"); a key alone has the value null. */
  pairs(name: string): Map<string, { value: string | null; place: Place }> {
    const pairs = new Map<string, { value: string | null; place: Place }>();
    const value = this.get(name);
    if (value?.kind === "map") {
      for (const [key, entry] of value.entries) {
        const scalar = this.asScalar(entry.value, `${name}.${key}`);
        if (scalar !== undefined)
          pairs.set(key, { value: scalar.value === null ? null : scalar.text, place: entry.keyPlace });
      }
      return pairs;
    }
    if (value?.kind === "scalar") {
      this.fail(
        "SLIPWAY_COMPOSE_TYPE",
        `${this.path}.${name} is a map or a list of KEY=VALUE, not ${show(value)}`,
        value.place,
      );
      return pairs;
    }
    for (const { text, place } of this.scalars(name)) {
      const equals = text.indexOf("=");
      const key = equals < 0 ? text : text.slice(0, equals);
      pairs.set(key, { value: equals < 0 ? null : text.slice(equals + 1), place });
    }
    return pairs;
  }

  /** Labels and options: pairs whose missing values are empty. */
  stringRecord(name: string): Record<string, string> {
    return Object.fromEntries([...this.pairs(name)].map(([key, { value }]) => [key, value ?? ""]));
  }

  asScalar(value: Located, name: string): LocatedScalar | undefined {
    if (value.kind === "scalar") return value;
    this.fail("SLIPWAY_COMPOSE_TYPE", `${this.path}.${name} takes a single value, not ${kindOf(value)}`, value.place);
    return undefined;
  }

  asSection(value: Located, path: string): Section | undefined {
    if (value.kind === "map") return new Section(value, path, this.report);
    this.fail("SLIPWAY_COMPOSE_TYPE", `${path} is a map of keys and values, not ${kindOf(value)}`, value.place);
    return undefined;
  }

  fail(code: keyof typeof COMPOSE_ERRORS, message: string, place: Place, details?: SlipwayErrorDetails): void {
    this.report.add(code, message, place, details);
  }

  /** Runs a parser that throws a RangeError with a sentence, and puts that at the value's place. */
  parsed<Value>(name: string, scalar: LocatedScalar, parse: (text: string) => Value): Value | undefined {
    try {
      return parse(scalar.text);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.fail("SLIPWAY_COMPOSE_VALUE", `${this.path}.${name}: ${error.message}`, scalar.place);
      return undefined;
    }
  }

  /** As {@link parsed}, for a key that may be absent. */
  parsedKey<Value>(name: string, parse: (text: string) => Value): Value | undefined {
    const scalar = this.scalar(name);
    return scalar === undefined ? undefined : this.parsed(name, scalar, parse);
  }
}

function isNull(value: Located): boolean {
  return value.kind === "scalar" && value.value === null;
}

export function show(scalar: LocatedScalar): string {
  return scalar.value === null ? "nothing" : JSON.stringify(scalar.text);
}

export function kindOf(value: Located): string {
  if (value.kind === "list") return "a list";
  return value.kind === "map" ? "a map" : show(value);
}
