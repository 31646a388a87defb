import {
  type Alias,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type ParsedNode,
  parseDocument,
  type Scalar,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import type { Place } from "../slipway-error.ts";
import { interpolate, InterpolationFailure, type VariableLookup } from "./interpolate.ts";
import type { Report } from "./report.ts";

export interface LocatedScalar {
  kind: "scalar";
  /** As YAML's core schema reads it. */
  value: string | number | boolean | null;
  /** As it is written: `0755` and `1.0` keep their form. */
  text: string;
  place: Place;
}
export interface LocatedList {
  kind: "list";
  items: Located[];
  place: Place;
}
export interface LocatedMap {
  kind: "map";
  entries: Map<string, LocatedEntry>;
  place: Place;
}
export interface LocatedEntry {
  keyPlace: Place;
  value: Located;
}
/** A YAML value that knows where it was written; aliases, merges (`<<`) and interpolation are done. */
export type Located = LocatedScalar | LocatedList | LocatedMap;

export interface LocateOptions {
  file: string;
  lookup: VariableLookup;
  report: Report;
}

const CORE_TAGS = /^(!|tag:yaml\.org,2002:(str|int|float|bool|null|map|seq))$/;

/** Reads YAML text. Mistakes of syntax go to the report; undefined when nothing could be read. */
export function locate(text: string, options: LocateOptions): Located | undefined {
  const lines = new LineCounter();
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file: options.file, line, column: col };
  };
  try {
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
    for (const { message, pos } of document.errors)
      options.report.add("SLIPWAY_COMPOSE_YAML", sentence(message), placeAt(pos[0]));
    if (document.errors.length > 0 || document.contents === null) return undefined;
    return new Locator(text, document.contents, placeAt, options).root();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    options.report.add("SLIPWAY_COMPOSE_YAML", "the values are nested too deep to be read", {
      file: options.file,
      line: 1,
      column: 1,
    });
    return undefined;
  }
}

class Locator {
  readonly #source: string;
  readonly #root: ParsedNode;
  readonly #placeAt: (offset: number) => Place;
  readonly #options: LocateOptions;
  /** What an anchor's alias stands for, as far as the document has been read. */
  readonly #anchors = new Map<string, Located>();

  constructor(source: string, root: ParsedNode, placeAt: (offset: number) => Place, options: LocateOptions) {
    this.#source = source;
    this.#root = root;
    this.#placeAt = placeAt;
    this.#options = options;
  }

  root(): Located {
    return this.#node(this.#root);
  }

  #node(node: Node | null): Located {
    if (isAlias(node)) return this.#alias(node);
    const located = this.#hasForeignTag(node) ? nothing(this.#place(node)) : this.#unaliased(node);
    // Set after its content: inside itself an anchor is not defined, so that no value holds itself.
    if (node !== null && "anchor" in node && node.anchor !== undefined) this.#anchors.set(node.anchor, located);
    return located;
  }

  #unaliased(node: Node | null): Located {
    if (isMap(node)) return this.#map(node);
    if (isSeq(node)) return this.#list(node);
    if (isScalar(node)) return this.#scalar(node);
    return nothing(this.#placeAt(0));
  }

  #alias(node: Alias): Located {
    const target = this.#anchors.get(node.source);
    if (target !== undefined) return target;
    const place = this.#place(node);
    const known = [...this.#anchors.keys()];
    this.#options.report.add(
      "SLIPWAY_COMPOSE_YAML",
      `*${node.source} names no anchor above it (${known.length === 0 ? "there is none" : `there are: ${known.join(", ")}`})`,
      place,
    );
    return nothing(place);
  }

  #list(node: YAMLSeq): LocatedList {
    const items = node.items.map((item) => this.#node(item as Node | null));
    return { kind: "list", items, place: this.#place(node) };
  }

  #map(node: YAMLMap): LocatedMap {
    const own = new Map<string, LocatedEntry>();
    const merged: LocatedMap[] = [];
    for (const pair of node.items) {
      const key = pair.key as Node;
      const value = pair.value === null ? nothing(this.#place(key)) : this.#node(pair.value as Node);
      if (isScalar(key) && key.value === "<<" && key.type === "PLAIN") merged.push(...this.#mergeSources(value));
      else own.set(this.#key(key), { keyPlace: this.#place(key), value });
    }
    // YAML's merge key type: what is written here wins, then the earlier of the merged maps.
    for (const source of merged) {
      for (const [name, entry] of source.entries) if (!own.has(name)) own.set(name, entry);
    }
    return { kind: "map", entries: own, place: this.#place(node) };
  }

  #mergeSources(value: Located): LocatedMap[] {
    const sources = value.kind === "list" ? value.items : [value];
    return sources.filter((source): source is LocatedMap => {
      if (source.kind === "map") return true;
      this.#options.report.add(
        "SLIPWAY_COMPOSE_YAML",
        "<< merges a map or a list of maps, and this is neither",
        source.place,
      );
      return false;
    });
  }

  #key(node: Node): string {
    if (isScalar(node)) {
      if (typeof node.value === "string") return node.value;
      if (node.value !== null) return node.source ?? "";
    }
    this.#options.report.add("SLIPWAY_COMPOSE_YAML", "a key is a name, and this is none", this.#place(node));
    return "";
  }

  #scalar(node: Scalar): LocatedScalar {
    const place = this.#place(node);
    if (typeof node.value !== "string") {
      const value = node.value as number | boolean | null;
      return { kind: "scalar", value, text: value === null ? "" : (node.source ?? String(value)), place };
    }
    const text = this.#interpolated(node.value, node, place);
    return text === undefined ? nothing(place) : { kind: "scalar", value: text, text, place };
  }

  /** Undefined when it failed: the value then reads as absent, so that one mistake is reported once. */
  #interpolated(text: string, node: Scalar, place: Place): string | undefined {
    const { lookup, report } = this.#options;
    try {
      const onUnset = (name: string): void =>
        report.warn(`the variable ${name} is not set: an empty string stands for it`, place);
      return interpolate(text, lookup, onUnset);
    } catch (error) {
      if (!(error instanceof InterpolationFailure)) throw error;
      const code = error.reason === "required" ? "SLIPWAY_COMPOSE_VARIABLE_REQUIRED" : "SLIPWAY_COMPOSE_INTERPOLATION";
      report.add(code, error.message, this.#placeInside(node, text, error.offset));
      return undefined;
    }
  }

  /** The place of a character of a scalar's value, where the value stands in the source as it is (no escapes, no folding). */
  #placeInside(node: Scalar, text: string, offset: number): Place {
    const [start, end] = node.range ?? [0, 0];
    const at = this.#source.slice(start, end).indexOf(text);
    return this.#placeAt(at < 0 ? start : start + at + offset);
  }

  #hasForeignTag(node: Node | null): node is Node {
    const tag = node !== null && "tag" in node ? node.tag : undefined;
    if (tag === undefined || CORE_TAGS.test(tag)) return false;
    this.#options.report.add(
      "SLIPWAY_COMPOSE_YAML",
      `the tag ${tag} has no meaning in a single Compose file`,
      this.#place(node!),
      {
        remedy: "Remove the tag.",
      },
    );
    return true;
  }

  #place(node: Node): Place {
    return this.#placeAt(node.range?.[0] ?? 0);
  }
}

function nothing(place: Place): LocatedScalar {
  return { kind: "scalar", value: null, text: "", place };
}

function sentence(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1).replaceAll("\n", " ").trim();
}
