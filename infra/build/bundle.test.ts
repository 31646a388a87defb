import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PACKAGE_ROOT, PROCESS_FOLDERS, type ProcessName } from "#contracts/process-entry.ts";
import { bundleAll } from "./bundle.ts";

const NAMES = Object.keys(PROCESS_FOLDERS) as ProcessName[];
/** Node's own modules that a process has loaded, told when it ends. */
const TELL_LOADED = `process.on("exit", () =>
  process.getBuiltinModule("fs").writeSync(1, "\\nloaded " + JSON.stringify(process.moduleLoadList)));`;
let output: string;

beforeAll(async () => {
  // In the checkout, since a bundle looks for koffi beside or above it.
  output = await mkdtemp(join(PACKAGE_ROOT, ".slipway/bundle-"));
  await bundleAll(PACKAGE_ROOT, output);
});
afterAll(() => rm(output, { recursive: true, force: true }));

/** Runs a process as far as it comes without settings: by then it has loaded what it loads at its start. */
function modulesLoadedBy(name: ProcessName, ...args: string[]): string[] {
  const preload = `data:text/javascript,${encodeURIComponent(TELL_LOADED)}`;
  const { stdout } = spawnSync(process.execPath, ["--import", preload, join(output, `${name}.mjs`), ...args], {
    encoding: "utf8",
    cwd: tmpdir(),
    env: { NODE_COMPILE_CACHE: join(output, "compile-cache") },
  });
  const loaded = /^loaded (?<list>\[.*\])$/m.exec(stdout)?.groups?.list ?? "[]";
  return (JSON.parse(loaded) as string[]).map((line) => line.replace(/^\S+ /, ""));
}

test.each(NAMES)(
  "%s imports no module of Node's at its start, which would read and load all that is in it",
  async (name) => {
    const bundle = await readFile(join(output, `${name}.bundle.mjs`), "utf8");
    const imported = [...bundle.matchAll(/(?:^|;)import\b[^"'()]*"(?<path>[^"]+)"/gm)].map(({ groups }) => groups!.path!);
    expect(imported.filter((path) => isBuiltin(path))).toEqual([]);
    expect(imported.includes("koffi")).toBe(/\bkoffi\.load\(/.test(bundle));
  },
);

test.each(NAMES)("%s is ASCII, which Node keeps with one byte a character, and in lines", async (name) => {
  const bundle = await readFile(join(output, `${name}.bundle.mjs`), "latin1");
  expect(bundle).toMatch(/^[\0-\x7f]*$/);
  expect(bundle.length / bundle.split("\n").length).toBeLessThan(300);
});

test.each(NAMES)("%s starts without Node's second HTTP client", (name) => {
  const loaded = modulesLoadedBy(name, ...(name === "repair" ? ["--dry-run"] : []));
  expect(loaded).toContain("internal/process/pre_execution");
  expect(loaded.filter((module) => module.includes("undici"))).toEqual([]);
});

test.each([["ps"], ["run", "host", "true"]])(
  "slipway %s loads Node's HTTP client, and no TLS or compression",
  (...args) => {
    const loaded = modulesLoadedBy("cli", ...args);
    expect(loaded).toContain("_http_client");
    expect(loaded.filter((module) => /^(tls|https|zlib)$/.test(module))).toEqual([]);
  },
);
