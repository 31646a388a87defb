import { posix } from "node:path";
import { parseSync, Visitor } from "oxc-parser";

/** One import, re-export, `import()` or type import of a module. */
export interface ModuleImport {
  specifier: string;
  /** From 1. */
  line: number;
  /** `import type`, `export type` or a type's `import()`: nothing of the module is there at run time. */
  typeOnly: boolean;
}

/** Every import with a constant specifier in a module's source; throws a SyntaxError where it cannot be parsed. */
export function importsOf(file: string, text: string): ModuleImport[] {
  const { program, errors } = parseSync(file, text);
  const [first] = errors;
  if (first !== undefined) throw new SyntaxError(`${file}: ${first.message}`);
  const found: ModuleImport[] = [];
  const note = (source: { type: string; value?: unknown; start: number } | null, typeOnly: boolean): void => {
    if (source?.type !== "Literal" || typeof source.value !== "string") return;
    found.push({ specifier: source.value, line: text.slice(0, source.start).split("\n").length, typeOnly });
  };
  new Visitor({
    ImportDeclaration: (node) => note(node.source, node.importKind === "type"),
    ExportNamedDeclaration: (node) => note(node.source, node.exportKind === "type"),
    ExportAllDeclaration: (node) => note(node.source, node.exportKind === "type"),
    ImportExpression: (node) => note(node.source, false),
    TSImportType: (node) => note(node.source, true),
  }).visit(program);
  return found;
}

/** What a specifier names: a file of ours (relative to the root), a package, or one of Node's own modules. */
export type Target = { kind: "ours"; path: string } | { kind: "package"; name: string } | { kind: "builtin" };

/** Resolves a specifier by rules alone (package.json's `imports`, relative paths); the file need not exist. */
export function resolveImport(specifier: string, importer: string, subpaths: Readonly<Record<string, string>>): Target {
  if (specifier.startsWith("node:")) return { kind: "builtin" };
  if (specifier.startsWith(".")) return { kind: "ours", path: posix.join(posix.dirname(importer), specifier) };
  for (const [pattern, replacement] of Object.entries(subpaths)) {
    const prefix = pattern.replace(/\*$/, "");
    if (!specifier.startsWith(prefix)) continue;
    return { kind: "ours", path: posix.normalize(replacement.replace("*", specifier.slice(prefix.length))) };
  }
  const parts = specifier.split("/");
  return { kind: "package", name: specifier.startsWith("@") ? parts.slice(0, 2).join("/") : (parts[0] ?? specifier) };
}
