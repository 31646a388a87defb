import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";

const MAIN = join(import.meta.dirname, "main.ts");
/** Tells on stderr what is loaded. */
const TELL_LOADED = `process.getBuiltinModule("module").registerHooks({
  load: (url, context, next) => (process.getBuiltinModule("fs").writeSync(2, url + "\\n"), next(url, context)) });`;

function modulesLoadedBy(...args: string[]): string[] {
  const preload = `data:text/javascript,${encodeURIComponent(TELL_LOADED)}`;
  const { stderr } = spawnSync(process.execPath, ["--import", preload, MAIN, ...args], {
    encoding: "utf8",
    env: { SLIPWAY_HOST: "unix:///nowhere/api.sock" },
  });
  return stderr.split("\n").filter((line) => line.startsWith("file:"));
}

test.each([["help"], ["ps"], ["run", "host", "true"]])(
  "slipway %s loads no library for schemas or YAML, which takes longer than the command",
  (...args) => {
    const loaded = modulesLoadedBy(...args);
    expect(loaded).toContain(`file://${join(import.meta.dirname, `verbs/${args[0]}.ts`)}`);
    expect(loaded.filter((url) => /node_modules\/(typebox|yaml)\//.test(url))).toEqual([]);
  },
);
