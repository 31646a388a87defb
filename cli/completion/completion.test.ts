import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PACKAGE_ROOT } from "#contracts/process-entry.ts";
import { ContractServer } from "../testing/contract-server.ts";
import { runInProcess } from "../testing/run-in-process.ts";
import { sampleInstance } from "../testing/samples.ts";
import { SCRIPTS } from "./scripts.ts";

const image = { digest: `sha256:${"a".repeat(64)}`, layers: 2, sizeBytes: 1, createdAt: null };
let server: ContractServer;
let folder: string;
beforeAll(async () => {
  server = await ContractServer.start({
    "GET /v1/instances": () => ({ json: [sampleInstance(), sampleInstance({ name: "shop-job-1", service: "job" })] }),
    "GET /v1/images": () => ({ json: [{ ...image, reference: "busybox:1" }] }),
    "GET /v1/projects": () => ({ json: [{ project: "shop", generation: 1, state: "ready", services: [] }] }),
    "GET /v1/volumes": () => ({ status: 500, json: {} }),
  });
  folder = await mkdtemp(join(tmpdir(), "slipway-completion-"));
  await symlink(join(PACKAGE_ROOT, "slipway"), join(folder, "slipway"));
  await writeFile(join(folder, "compose.yaml"), "");
  for (const [shell, script] of Object.entries(SCRIPTS)) await writeFile(join(folder, `slipway.${shell}`), script);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

/** What is offered after `slipway WORDS`: the last word is the one being typed. */
async function offered(...words: string[]): Promise<string[]> {
  const { stdout, exitCode } = await runInProcess(["__complete", "--", ...words], { server });
  expect(exitCode).toBe(0);
  return stdout.split("\n").flatMap((line) => (line === "" ? [] : line.split("\t")[0]!));
}

describe("what is offered", () => {
  test("is verbs and groups first, then a group's verbs", async () => {
    expect(await offered("")).toEqual(expect.arrayContaining(["up", "image", "completion"]));
    expect(await offered("")).not.toContain("__complete");
    expect(await offered("vol")).toEqual(["volume"]);
    expect(await offered("image", "i")).toEqual(["import"]);
  });

  test("is flags where one is begun, and not after a container's command has begun", async () => {
    expect(await offered("up", "--d")).toEqual(["--detach"]);
    expect(await offered("run", "--r")).toEqual(["--read-only", "--restart", "--rm"]);
    expect(await offered("run", "host", "ls", "--r")).toEqual([]);
    expect(await offered("ps", "--", "--a")).toEqual([]);
  });

  test("is what a usage line names at that place", async () => {
    expect(await offered("exec", "")).toEqual(["shop-web-1", "shop-job-1", "web", "job"]);
    expect(await offered("exec", "web", "")).toEqual([]);
    expect(await offered("rm", "shop-web-1", "shop-j")).toEqual(["shop-job-1"]);
    expect(await offered("run", "bu")).toEqual(["busybox:1"]);
    expect(await offered("image", "import", "")).toEqual([":files"]);
    expect(await offered("help", "vers")).toEqual(["version"]);
  });

  test("is a flag's values after it, in each way to write one", async () => {
    expect(await offered("ps", "-p", "")).toEqual(["shop"]);
    expect(await offered("ps", "-ap", "s")).toEqual(["shop"]);
    expect(await offered("ps", "--project", "")).toEqual(["shop"]);
    expect(await offered("ps", "-o", "")).toEqual(["json"]);
    expect(await offered("ps", "--output=")).toEqual(["--output=json"]);
    expect(await offered("ps", "--project=s")).toEqual(["--project=shop"]);
    expect(await offered("up", "-f", "")).toEqual([":files"]);
  });

  test("is nothing, and no error, where a server fails or a verb is unknown", async () => {
    expect(await offered("volume", "rm", "")).toEqual([]);
    expect(await offered("nonsense", "")).toEqual([]);
    const { exitCode, stdout } = await runInProcess(["__complete", "--", "exec", ""], {
      environment: { SLIPWAY_HOST: "unix:///nowhere.sock" },
    });
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "" });
  });
});

const environment = (): NodeJS.ProcessEnv => ({
  ...process.env,
  PATH: `${folder}:${process.env.PATH}`,
  SLIPWAY_HOST: `unix://${server.socketPath}`,
  HOME: folder,
  TERM: "dumb",
});
const run = promisify(execFile);

describe("bash", () => {
  async function completed(...words: string[]): Promise<string[]> {
    const script = `source slipway.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _slipway; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const args = ["--norc", "-c", script, "bash", "slipway", ...words];
    const { stdout } = await run("bash", args, { cwd: folder, env: environment(), timeout: 60_000 });
    return stdout.trim().split("\n");
  }

  test("offers verbs, names and files", async () => {
    expect(await completed("vo")).toEqual(["volume"]);
    expect(await completed("exec", "shop-j")).toEqual(["shop-job-1"]);
    expect(await completed("up", "-f", "comp")).toEqual(["compose.yaml"]);
  });

  test("goes on behind the colons and equals signs at which it takes words apart", async () => {
    expect(await completed("run", "busybox", ":", "")).toEqual(["1"]);
    expect(await completed("ps", "--project", "=", "sh")).toEqual(["shop"]);
  });
});

test("fish offers verbs and names with their descriptions", async () => {
  const complete = async (line: string): Promise<string> =>
    (
      await run("fish", ["--no-config", "-c", `source slipway.fish; complete -C '${line}'`], {
        cwd: folder,
        env: environment(),
        timeout: 60_000,
      })
    ).stdout;
  expect(await complete("slipway vo")).toBe("volume\tvolume verbs\n");
  expect(await complete("slipway exec shop-j")).toContain("shop-job-1\trunning, ");
  expect(await complete("slipway up -f comp")).toContain("compose.yaml");
});

test("zsh completes a name in its line editor", async () => {
  const shell = spawn("script", ["-qec", "zsh -f -i", "/dev/null"], { cwd: folder, env: environment() });
  try {
    const typed = ["autoload -U compinit; compinit -D -u; source ./slipway.zsh; PS1='ready> '", "slipway exec shop-j\t"];
    let output = "";
    for await (const chunk of shell.stdout) {
      output += String(chunk);
      if (/(%|#|ready>) $/.test(plain(output)) && typed.length > 0)
        shell.stdin.write(typed.shift() + (typed.length > 0 ? "\n" : ""));
      if (plain(output).includes("shop-job-1")) break;
    }
    expect(plain(output)).toContain("slipway exec shop-job-1");
  } finally {
    shell.kill("SIGKILL");
  }
}, 60_000);

/** Without what moves the cursor. */
function plain(text: string): string {
  // oxlint-disable-next-line no-control-regex -- escape sequences are what is taken out
  return text.replaceAll(/\u001B[[\]()?>=][0-9;?]*[a-zA-Z]?|\r|\u0007/g, "");
}
