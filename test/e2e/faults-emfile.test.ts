import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { ask } from "#gateway/testing/clients.ts";
import { appService, composeFile, ECHO_HEALTHCHECK, shellService } from "./apps.ts";
import type { CommandResult } from "./command.ts";
import type { PlatformProcessName } from "./platform.ts";
import type { TestProject } from "./project.ts";
import { countedService, startsOf } from "./starts.ts";
import { usePlatform } from "./use-platform.ts";

const HOST = "files.test";
const PATIENT = { timeoutMs: 80_000 };

const platform = usePlatform();
let project: TestProject;
let ca: string;

beforeAll(async () => {
  project = await platform().compose(
    {
      "compose.yaml": composeFile({
        web: appService("echo", {
          healthcheck: { ...ECHO_HEALTHCHECK, interval: "60s", timeout: "20s" },
          "x-slipway": { route: { host: HOST, port: 8080 } },
        }),
        kept: countedService("kept", "exec sleep 1000"),
      }),
      "starts/.keep": "",
    },
    "files",
  );
  await project.up(PATIENT);
  ca = await platform().ok(["ca", "show"]);
}, 120_000);

const askWeb = async (): Promise<number> => (await ask({ httpsPort: platform().httpsPort, ca }, HOST, "/")).status;
const pids = async (): Promise<(number | null)[]> => (await project.ps()).map(({ pid }) => pid);

/** Lets a process open no more files (prlimit(2), RLIMIT_NOFILE), until disposed. */
function withoutFreeFds(pid: number): Disposable {
  const limit = (soft: string): Buffer => execFileSync("prlimit", ["--pid", String(pid), `--nofile=${soft}:`]);
  const [soft = ""] = /^Max open files\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, "utf8"))?.slice(1) ?? [];
  const open = new Set(readdirSync(`/proc/${pid}/fd`).map(Number));
  let lowestFree = 0;
  while (open.has(lowestFree)) lowestFree += 1;
  limit(String(lowestFree));
  return { [Symbol.dispose]: () => void limit(soft) };
}

/** Of an `up` meanwhile: it is done, it waits until there is an fd, or it is refused with this. */
const ROWS = [
  { name: "gateway", outcome: /^$/ },
  { name: "control", outcome: /^$/ },
  { name: "agent", outcome: /^SLIPWAY_CONTAINER_NO_FILES$/ },
  { name: "nats-server", outcome: /^SLIPWAY_MESSAGING_CLAIMS_REFUSED$/ },
  { name: "server", outcome: /^SLIPWAY_CONTAINER_NO_FILES$/ },
] as const satisfies { name: PlatformProcessName; outcome: RegExp }[];

test.each(ROWS)(
  "$name without a free fd ends nothing, says what it cannot do, and goes on when it has one",
  { timeout: 120_000 },
  async ({ name, outcome }) => {
    const before = { process: platform().pidOf(name), containers: await pids() };
    const other = await platform().compose(composeFile({ one: shellService("exec sleep 1000") }), `beside-${name}`);
    const squeezed = withoutFreeFds(before.process);
    let answer: Promise<number>;
    let up: Promise<CommandResult>;
    try {
      up = other.tryUp(PATIENT);
      answer = askWeb();
      // What needs a new connection to the process waits in its backlog.
      if (name !== "control") await up;
      if (name !== "gateway") expect(await answer).toBe(200);
    } finally {
      squeezed[Symbol.dispose]();
    }
    expect(await answer).toBe(200);
    expect(/\[(SLIPWAY_\w+)\]/.exec((await up).stderr)?.[1] ?? "").toMatch(outcome);
    await other.up(PATIENT);
    await other.down();
    expect({ process: platform().pidOf(name), containers: await pids() }).toEqual(before);
    expect(startsOf(project)).toMatchObject({ kept: 1 });
  },
);
