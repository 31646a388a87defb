import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Check, judge } from "./check.ts";
import { deadCodeCheck } from "./dead-code-check.ts";
import { formatCheck } from "./format-check.ts";
import { importDirectionCheck, wrongImports } from "./import-direction-check.ts";
import { lintCheck } from "./lint-check.ts";
import { typesCheck } from "./types-check.ts";

const REPOSITORY = join(import.meta.dirname, "../..");
const SETTINGS = [".oxfmtrc.json", ".oxlintrc.json", "tsconfig.json", "knip.jsonc"];
const CHECKS = [formatCheck, lintCheck, typesCheck, importDirectionCheck, deadCodeCheck];
const MANIFEST = `{
  "name": "tree",
  "type": "module",
  "imports": {
    "#contracts/*": "./contracts/*"
  }
}
`;
let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "slipway-verify-"));
  await Promise.all(SETTINGS.map((file) => copyFile(join(REPOSITORY, file), join(root, file))));
  await symlink(join(REPOSITORY, "node_modules"), join(root, "node_modules"));
  await write("package.json", MANIFEST);
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function write(path: string, content: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
}

async function verdictOf(check: Check): Promise<{ passed: boolean; files: number; problems: string[] }> {
  return judge(check, root, AbortSignal.timeout(25_000));
}

const PART = `export const part = (name: string): string => name;\n`;
const GOOD = `import { part } from "#contracts/part.ts";\n\nprocess.stdout.write(part("whole"));\n`;

test.each(CHECKS)("the $name check passes a good tree and says how many files it saw", async (check) => {
  await write("contracts/part.ts", PART);
  await write("messaging/main.ts", GOOD);
  const { problems, passed, files } = await verdictOf(check);
  expect(problems).toEqual([]);
  expect(passed).toBe(true);
  expect(files).toBeGreaterThanOrEqual(2);
});

test.each([
  {
    check: formatCheck,
    path: "messaging/main.ts",
    bad: `process.stdout.write( 'ready' )\n`,
    says: "messaging/main.ts is not formatted",
  },
  {
    check: lintCheck,
    path: "messaging/main.ts",
    bad: `const late = async (): Promise<void> => {};\nlate();\n`,
    says: "no-floating-promises",
  },
  { check: typesCheck, path: "messaging/main.ts", bad: `export const port: number = "80";\n`, says: "TS2322" },
  {
    check: importDirectionCheck,
    path: "contracts/main.ts",
    bad: `export type { Platform } from "../messaging/platform.ts";\n`,
    says: "contracts may import nothing of ours",
  },
  { check: deadCodeCheck, path: "messaging/forgotten.ts", bad: PART, says: "messaging/forgotten.ts" },
])("the $check.name check fails a bad tree and names the place", async ({ check, path, bad, says }) => {
  await write("contracts/part.ts", PART);
  await write("messaging/main.ts", GOOD);
  await write(path, bad);
  const { passed, problems } = await verdictOf(check);
  expect(passed).toBe(false);
  expect(problems.join("\n")).toContain(says);
  expect(problems.join("\n")).toContain(path);
});

test.each(CHECKS)("the $name check fails when it finds nothing to look at", async (check) => {
  // To the formatter the settings are files like any other.
  if (check === formatCheck) await Promise.all(["package.json", ...SETTINGS].map((file) => rm(join(root, file))));
  expect(await verdictOf(check)).toMatchObject({ passed: false, files: 0 });
});

test("a check that throws has failed", async () => {
  const broken: Check = { name: "broken", remedy: "", run: () => Promise.reject(new Error("no such tool")) };
  expect(await verdictOf(broken)).toMatchObject({ passed: false, problems: ["the check itself failed: no such tool"] });
});

const SUBPATHS = {
  "#contracts/*": "./contracts/*",
  "#messaging/*": "./messaging/*",
  "#kernel/*": "./runtime-node/kernel/*",
};

test.each([
  ["a service imports another", "services/api/routes.ts", `import "../controller/plan.ts";`, "services/api may import"],
  ["the CLI imports messaging", "cli/up.ts", `import "#messaging/platform.ts";`, "cli may import"],
  [
    "a part that is no composition root imports as one",
    "gateway/tls.ts",
    `import "../telemetry/start.ts";`,
    "gateway may import",
  ],
  [
    "koffi is imported outside of the kernel layer",
    "runtime-node/launch/plan.ts",
    `import koffi from "koffi";`,
    "only runtime-node/kernel",
  ],
  [
    "the OpenTelemetry SDK is imported outside of telemetry",
    "gateway/main.ts",
    `import "@opentelemetry/sdk-trace-node";`,
    "only telemetry",
  ],
  [
    "a type import goes the wrong way",
    "runtime-node/kernel/arena.ts",
    `type A = import("#contracts/names.ts").A;`,
    "nothing of ours",
  ],
  ["an import() goes the wrong way", "contracts/names.ts", `await import("#messaging/platform.ts");`, "nothing of ours"],
  [
    "a part takes more than a type of what it is handed",
    "runtime-node/container/a.ts",
    `import { connect } from "#messaging/platform.ts";`,
    "may import",
  ],
  ["the product imports what tests stand on", "cli/up.ts", `import "../contracts/testing/world.ts";`, "only tests"],
  ["a folder is not in the table", "helpers/misc.ts", `import "node:fs";`, "not in the table"],
])("import direction: it is refused when %s", (_, file, source, says) => {
  expect(wrongImports(file, source, SUBPATHS).join("\n")).toContain(says);
});

test.each([
  ["a composition root", "gateway/main.ts", `import "../telemetry/start.ts";`],
  ["the root of the services", "services/main.ts", `import "./api/server.ts";`],
  ["a test", "contracts/names.test.ts", `import "#messaging/platform.ts";`],
  ["a part handed an interface", "runtime-node/container/a.ts", `import type { Platform } from "#messaging/platform.ts";`],
  ["the OpenTelemetry API anywhere", "gateway/balancer.ts", `import { trace } from "@opentelemetry/api";`],
  [
    "the agent",
    "runtime-node/agent/recovery.ts",
    `import "../pod/pod.ts"; import "#kernel/arena.ts"; import "#messaging/platform.ts";`,
  ],
])("import direction: %s may import what it needs", (_, file, source) => {
  expect(wrongImports(file, source, SUBPATHS)).toEqual([]);
});

test("import direction names the line of the import", () => {
  expect(wrongImports("contracts/a.ts", `\n\nimport "#messaging/platform.ts";`, SUBPATHS)[0]).toMatch(
    /^contracts\/a\.ts:3 /,
  );
});
