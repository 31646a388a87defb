import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Check } from "./check.ts";
import { FOLDER_RULES, FREE_FILES, FREE_FOLDERS, PACKAGE_RULES } from "./import-rules.ts";
import { importsOf, resolveImport } from "./import-scan.ts";
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
  if (isFree(file)) return [];
  const folder = folderOf(file);
  if (folder === undefined) return [`${file}: its folder is not in the table of what may import what`];
  return imports.flatMap(({ specifier, line }) => {
    const target = resolveImport(specifier, file, subpaths);
    const reason =
      target.kind === "ours"
        ? refuseFolder(file, folder, target.path)
        : target.kind === "package"
          ? refusePackage(folder, target.name)
          : undefined;
    return reason === undefined ? [] : [`${file}:${line} imports ${specifier}: ${reason}`];
  });
}

function refuseFolder(file: string, folder: string, target: string): string | undefined {
  const rule = FOLDER_RULES[folder];
  const wanted = folderOf(target);
  if (wanted === folder) return undefined;
  const allowed = [...(rule?.may ?? []), ...(file === `${folder}/main.ts` ? (rule?.root ?? []) : [])];
  if (wanted !== undefined && allowed.some((prefix) => isWithin(wanted, prefix))) return undefined;
  return `${folder} may import ${allowed.length === 0 ? "nothing of ours" : allowed.join(", ")}`;
}

function refusePackage(folder: string, name: string): string | undefined {
  const rule = PACKAGE_RULES.find(({ packages, only }) => packages.test(name) && !isWithin(folder, only));
  return rule && `only ${rule.only} may import the package ${name}`;
}

function isFree(file: string): boolean {
  return FREE_FILES.test(file) || FREE_FOLDERS.some((folder) => isWithin(file, folder));
}

/** The longest prefix of a path that has a rule. */
function folderOf(path: string): string | undefined {
  return Object.keys(FOLDER_RULES)
    .filter((folder) => isWithin(path, folder))
    .sort((a, b) => b.length - a.length)[0];
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
