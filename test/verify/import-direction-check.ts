import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Check } from "./check.ts";
import { FOLDER_RULES, OUTSIDE, PACKAGE_RULES } from "./import-rules.ts";
import { importsOf, type ModuleImport, resolveImport } from "./import-scan.ts";
import { sourceFiles } from "./source-files.ts";

export const importDirectionCheck: Check = {
  name: "import direction",
  remedy: "test/verify/import-rules.ts is the table; the design says why",
  async run(root) {
    const manifest = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { imports: Record<string, string> };
    const files = await sourceFiles(root);
    const problems = await Promise.all(
      files.map(async (file) => wrongImports(file, await readFile(join(root, file), "utf8"), manifest.imports)),
    );
    return { files: files.length, problems: problems.flat() };
  },
};

/** The imports of one file that the table does not allow. */
export function wrongImports(file: string, source: string, subpaths: Readonly<Record<string, string>>): string[] {
  const imports = importsOf(file, source);
  if (OUTSIDE.test(file)) return [];
  const folder = folderOf(file);
  if (folder === undefined) return [`${file}: its folder is not in the table of what may import what`];
  return imports.flatMap((one) => {
    const target = resolveImport(one.specifier, file, subpaths);
    if (target.kind === "builtin") return [];
    const reason = target.kind === "ours" ? refuseFile(file, folder, one, target.path) : refusePackage(folder, target.name);
    return reason === undefined ? [] : [`${file}:${one.line} imports ${one.specifier}: ${reason}`];
  });
}

function refuseFile(file: string, folder: string, { typeOnly }: ModuleImport, target: string): string | undefined {
  if (OUTSIDE.test(target)) return "only tests may import what stands outside of the product";
  const wanted = folderOf(target);
  if (wanted === folder) return undefined;
  const { may, types = [], root } = FOLDER_RULES[folder]!;
  const isRoot = root?.files.some((name) => file === `${folder}/${name}`) === true;
  const allowed = [...may, ...(isRoot ? root.may : []), ...(typeOnly ? types : [])];
  if (wanted !== undefined && allowed.some((name) => stands(name, wanted))) return undefined;
  const typesToo = types.length === 0 ? "" : ` (types alone: ${types.join(", ")})`;
  return `${folder} may import ${allowed.length === 0 ? "nothing of ours" : allowed.join(", ")}${typesToo}`;
}

function refusePackage(folder: string, name: string): string | undefined {
  const rule = PACKAGE_RULES.find(({ packages, only }) => packages.test(name) && folder !== only);
  return rule && `only ${rule.only} may import the package ${name}`;
}

/** Whether a name of the table stands for a folder. */
function stands(name: string, folder: string): boolean {
  return name.endsWith("/*") ? folder.startsWith(name.slice(0, -1)) : folder === name;
}

/** The longest folder of the table that holds a path. */
function folderOf(path: string): string | undefined {
  return Object.keys(FOLDER_RULES)
    .filter((folder) => path.startsWith(`${folder}/`))
    .sort((a, b) => b.length - a.length)[0];
}
