import { setTimeout as delay } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { ask } from "#gateway/testing/clients.ts";
import { appService, composeFile, ECHO_HEALTHCHECK, shellService } from "./apps.ts";
import type { CommandResult } from "./command.ts";
import { EchoLine, echoLineService } from "./echo-line.ts";
import { EventFeed } from "./event-feed.ts";
import type { PlatformProcessName } from "./platform.ts";
import type { TestProject } from "./project.ts";
import { countedService, startsOf } from "./starts.ts";
import { until } from "./until.ts";
import { usePlatform } from "./use-platform.ts";

const HOST = "frozen.test";
const FROZEN_MS = 20_000;
const PATIENT = { timeoutMs: 100_000 };
const ALL: readonly PlatformProcessName[] = ["server", "nats-server", "control", "agent", "gateway"];
const MORTAL = shellService("trap 'exit 42' USR1; while :; do sleep 0.05; done");

const platform = usePlatform();
let project: TestProject;
let ca: string;

beforeAll(async () => {
  project = await platform().compose(
    {
      "compose.yaml": composeFile({
        web: appService("echo", {
          healthcheck: { ...ECHO_HEALTHCHECK, timeout: "40s" },
          "x-slipway": { route: { host: HOST, port: 8080 } },
        }),
        line: echoLineService(),
        kept: countedService("kept", "exec sleep 1000"),
        "mortal-1": MORTAL,
        "mortal-2": MORTAL,
      }),
      "starts/.keep": "",
    },
    "frozen",
  );
  await project.up(PATIENT);
  ca = await platform().ok(["ca", "show"]);
}, 120_000);

const askWeb = async (): Promise<number> => (await ask({ httpsPort: platform().httpsPort, ca }, HOST, "/")).status;
const pidsOfPlatform = (): number[] => ALL.map((name) => platform().pidOf(name));

/** Name, id and pid of what runs, but the mortals. */
async function running(): Promise<string[]> {
  const instances = (await project.ps()).filter(
    ({ service, state }) => !service.startsWith("mortal") && state === "running",
  );
  return instances.map(({ name, id, pid }) => `${name} ${id} ${pid}`).toSorted();
}

/** Stops processes for 20 seconds, as a debugger or a suspended machine does, while something happens. */
async function whileFrozen(names: readonly PlatformProcessName[], work: () => Promise<void>): Promise<void> {
  const pids = names.map((name) => platform().pidOf(name));
  for (const pid of pids) process.kill(pid, "SIGSTOP");
  try {
    const over = delay(FROZEN_MS);
    await work();
    await over;
  } finally {
    for (const pid of pids) process.kill(pid, "SIGCONT");
  }
}

describe.each([
  { names: ["server", "control", "agent"], mortal: "mortal-1", serves: true, up: /^$/ },
  { names: ["nats-server", "gateway"], mortal: "mortal-2", serves: false, up: /^SLIPWAY_MESSAGING_UNAVAILABLE$/ },
] as const satisfies { names: PlatformProcessName[]; mortal: string; serves: boolean; up: RegExp }[])(
  "$names that are stopped for 20 seconds and go on",
  ({ names, mortal, serves, up }) => {
    test("are taken for dead by nobody, and know and do what they missed", { timeout: 150_000 }, async () => {
      const before = { platform: pidsOfPlatform(), running: await running() };
      const { pid } = await project.instance(mortal);
      using line = await EchoLine.open(await project.instance("line"));
      await using following = new EventFeed(platform(), new Date(), 120_000);
      const other = await platform().compose(composeFile({ one: shellService("exec sleep 1000") }), `other-${mortal}`);
      const asked: Promise<number>[] = [];
      let meanwhile: Promise<CommandResult> | undefined;
      await whileFrozen(names, async () => {
        process.kill(pid!, "SIGUSR1");
        meanwhile = other.tryUp(PATIENT);
        asked.push(askWeb());
        await line.roundTrip();
        if (serves) expect(await asked[0]).toBe(200);
      });
      expect(await Promise.all(asked)).toEqual([200]);
      // It is finished, or refused with a reason.
      expect(/\[(SLIPWAY_\w+)\]/.exec((await meanwhile!).stderr)?.[1] ?? "").toMatch(up);
      await other.up(PATIENT);
      await line.roundTrip();
      expect((await following.next("instance.exited", `frozen-${mortal}-1`)).data).toMatchObject({ exitCode: 42 });
      await until(
        () => project.instance(mortal),
        ({ state, exitCode }) => state === "exited" && exitCode === 42,
      );
      expect({ platform: pidsOfPlatform(), running: await running() }).toEqual(before);
      expect(startsOf(project)).toMatchObject({ kept: 1 });
      expect(await project.sh("kept", "echo lives")).toBe("lives");
      expect(await askWeb()).toBe(200);
      await other.down();
    });
  },
);
