import { access, mkdir, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { type BuildOptions, type Metafile, build } from "esbuild";
import { PROCESS_FOLDERS, type ProcessName } from "#contracts/process-entry.ts";
import { builtinModules } from "./builtin-modules.ts";

/** Carries a compiled part, which is found beside its own package.json. */
const EXTERNAL = ["koffi"];

/** CommonJS packages in an ES module bundle call `require` for Node's own modules. */
const REQUIRE = `const require = process.getBuiltinModule("module").createRequire(import.meta.url);`;

const OPTIONS: BuildOptions = {
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node24",
  external: EXTERNAL,
  plugins: [builtinModules],
  // ES modules first: what is not used of them is left out.
  mainFields: ["module", "main"],
  banner: { js: REQUIRE },
  keepNames: true,
  // A process keeps its source in memory. Names stay, and lines that a stack trace can point into.
  minifyWhitespace: true,
  minifySyntax: true,
  lineLimit: 160,
  legalComments: "linked",
  metafile: true,
  write: false,
  logLevel: "warning",
};

export interface Bundle {
  name: ProcessName;
  bytes: number;
  /** Modules of ours in it. */
  modules: string[];
}

/** Bundles every process of a checkout into an empty folder. */
export async function bundleAll(root: string, output: string): Promise<Bundle[]> {
  await rm(output, { recursive: true, force: true });
  await mkdir(output, { recursive: true });
  const names = Object.keys(PROCESS_FOLDERS) as ProcessName[];
  return Promise.all(names.map((name) => bundleProcess(root, output, name)));
}

async function bundleProcess(root: string, output: string, name: ProcessName): Promise<Bundle> {
  const entry = join(root, PROCESS_FOLDERS[name], "main.ts");
  await access(entry).catch((cause: unknown) => {
    throw new Error(`the ${name} process has no entry ${relative(root, entry)}`, { cause });
  });
  const outfile = join(output, `${name}.bundle.mjs`);
  const { metafile, outputFiles = [] } = await build({ ...OPTIONS, absWorkingDir: root, entryPoints: [entry], outfile });
  for (const { path, text } of outputFiles) await writeFile(path, path === outfile ? asciiOnly(text) : text);
  await writeFile(join(output, `${name}.mjs`), entryModule(name));
  return { name, bytes: sizeOf(metafile), modules: ownModules(metafile) };
}

/** The module that Node starts: a bundle cannot turn on the compile cache for itself. */
function entryModule(name: ProcessName): string {
  return `const { enableCompileCache } = process.getBuiltinModule("module");
enableCompileCache(process.env.NODE_COMPILE_CACHE ?? import.meta.dirname + "/../.slipway/cache/compile");
await import("./${name}.bundle.mjs");
`;
}

/**
 * One character beyond ASCII has Node keep the whole source with two bytes for each. Comments are gone and esbuild has escaped its strings; a regular
 * expression takes the same escape.
 */
function asciiOnly(text: string): string {
  return text.replaceAll(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function sizeOf(metafile: Metafile | undefined): number {
  return Object.values(metafile?.outputs ?? {}).reduce((total, { bytes }) => total + bytes, 0);
}

function ownModules(metafile: Metafile | undefined): string[] {
  return Object.keys(metafile?.inputs ?? {}).filter((path) => !path.startsWith("node_modules/"));
}
