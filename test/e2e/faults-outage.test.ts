import { copyFile, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "#gateway/testing/clients.ts";
import { locateNatsServer } from "#messaging/nats-server/locate.ts";
import { appService, composeFile, ECHO_HEALTHCHECK, shellService } from "./apps.ts";
import { EventFeed } from "./event-feed.ts";
import type { TestProject } from "./project.ts";
import { countedService, startsOf } from "./starts.ts";
import { until } from "./until.ts";
import { usePlatform } from "./use-platform.ts";

const HOST = "outage.test";
/** Longer than any timeout of ours with which a client might give up; `SLIPWAY_SOAK=1` makes it the minute of the requirement. */
const AWAY_MS = process.env["SLIPWAY_SOAK"] === undefined ? 12_000 : 60_000;
const PATIENT = { timeoutMs: 80_000 };

// A nats-server of this platform's own, to be taken away: no supervisor can start what is not there.
const binaries = await mkdtemp(join(tmpdir(), "slipway-outage-"));
const binary = join(binaries, "nats-server");
await copyFile((await locateNatsServer()).path, binary);
afterAll(() => rm(binaries, { recursive: true }));

const platform = usePlatform({ env: { SLIPWAY_NATS_SERVER: binary } });
let project: TestProject;
let ca: string;

beforeAll(async () => {
  project = await platform().compose(
    {
      "compose.yaml": composeFile({
        web: appService("echo", {
          healthcheck: { ...ECHO_HEALTHCHECK, timeout: "20s" },
          "x-slipway": { route: { host: HOST, port: 8080 } },
        }),
        steady: countedService("steady", "exec sleep 1000"),
        phoenix: countedService("phoenix", "exec sleep 1000", { restart: "always" }),
        mortal: shellService("trap 'exit 42' USR1; while :; do sleep 0.05; done"),
        moody: shellService("exec sleep 1000", {
          volumes: ["./flags:/flags"],
          healthcheck: { test: ["CMD", "test", "!", "-e", "/flags/sick"], interval: "200ms", timeout: "20s", retries: 1 },
        }),
      }),
      "starts/.keep": "",
      "flags/.keep": "",
    },
    "outage",
  );
  await project.up(PATIENT);
  ca = await platform().ok(["ca", "show"]);
}, 120_000);

const askWeb = async (host = HOST): Promise<number> =>
  (await ask({ httpsPort: platform().httpsPort, ca }, host, "/")).status;
const isGone = async (pid: number): Promise<boolean> => {
  try {
    return process.kill(pid, 0) && false;
  } catch {
    return true;
  }
};

test(
  "without nats-server containers run, restart and are checked, and a change is refused; when it is back, all is told",
  { timeout: 240_000 },
  async () => {
    const pids = Object.fromEntries((await project.ps()).map(({ service, pid }) => [service, pid!]));
    const since = new Date();
    await using following = new EventFeed(platform(), since, AWAY_MS + 90_000);
    await rename(binary, `${binary}.away`);
    await platform().crash("nats-server");
    const back = delay(AWAY_MS);

    process.kill(pids["phoenix"]!, "SIGKILL");
    process.kill(pids["mortal"]!, "SIGUSR1");
    await writeFile(join(project.folder, "flags/sick"), "");
    await until(
      async () => startsOf(project)["phoenix"],
      (starts) => starts === 2,
    );
    await until(
      () => isGone(pids["mortal"]!),
      (gone) => gone,
    );
    expect(await askWeb()).toBe(200);
    const other = await platform().compose(
      composeFile({ one: appService("echo", { "x-slipway": { route: { host: "other.test", port: 8080 } } }) }),
      "other",
    );
    const refused = await other.tryUp(PATIENT);
    expect(refused).toMatchObject({ exitCode: 125, stderr: expect.stringContaining("SLIPWAY_MESSAGING_UNAVAILABLE") });
    expect((await project.ps()).length).toBe(5);
    await back;
    expect(await askWeb()).toBe(200);

    await rename(`${binary}.away`, binary);
    expect((await following.next("instance.exited", "outage-mortal-1")).data).toMatchObject({ exitCode: 42 });
    expect((await following.next("instance.exited", "outage-phoenix-1")).data).toMatchObject({ exitCode: 137 });
    await following.next("instance.started", "outage-phoenix-1");
    await following.next("instance.unhealthy", "outage-moody-1");
    await until(
      () => project.instance("mortal"),
      ({ state, exitCode }) => state === "exited" && exitCode === 42,
    );
    expect(await project.instance("moody")).toMatchObject({ state: "running", health: "unhealthy", pid: pids["moody"] });
    expect(await project.instance("steady")).toMatchObject({ state: "running", pid: pids["steady"] });
    expect(await project.instance("phoenix")).toMatchObject({ state: "running", restarts: 1 });
    expect(startsOf(project)).toMatchObject({ steady: 1, phoenix: 2 });

    await rm(join(project.folder, "flags/sick"));
    await following.next("instance.healthy", "outage-moody-1");
    await other.up(PATIENT);
    await until(
      () => askWeb("other.test"),
      (status) => status === 200,
    );
    await following.next("instance.started", "other-one-1");
  },
);
