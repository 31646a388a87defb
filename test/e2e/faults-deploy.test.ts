import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { ImageInfo } from "#contracts/api.ts";
import { homeLayout } from "#contracts/home.ts";
import { ask } from "#gateway/testing/clients.ts";
import { appService, composeFile, ECHO_HEALTHCHECK, shellService } from "./apps.ts";
import { EchoLine, echoLineService } from "./echo-line.ts";
import type { PlatformProcessName } from "./platform.ts";
import type { TestProject } from "./project.ts";
import { SlowRegistry } from "./slow-registry.ts";
import { countedService, startsOf } from "./starts.ts";
import { until } from "./until.ts";
import { usePlatform } from "./use-platform.ts";

const HOST = "standing.test";
const PATIENT = { timeoutMs: 90_000 };
const PROCESSES = ["agent", "control", "gateway", "nats-server"] as const satisfies PlatformProcessName[];

const platform = usePlatform();
let standing: TestProject;
let ca: string;

/** What runs while everything else happens, and must notice nothing. */
beforeAll(async () => {
  standing = await platform().compose(
    {
      "compose.yaml": composeFile({
        web: appService("echo", {
          healthcheck: { ...ECHO_HEALTHCHECK, timeout: "20s" },
          "x-slipway": { route: { host: HOST, port: 8080 } },
        }),
        line: echoLineService(),
        kept: countedService("kept", "exec sleep 1000"),
        ...Object.fromEntries(
          PROCESSES.map((name) => [`mortal-${name}`, shellService("trap 'exit 42' USR1; while :; do sleep 0.05; done")]),
        ),
      }),
      "starts/.keep": "",
    },
    "standing",
  );
  await standing.up(PATIENT);
  ca = await platform().ok(["ca", "show"]);
}, 120_000);

const askWeb = async (): Promise<number> => (await ask({ httpsPort: platform().httpsPort, ca }, HOST, "/")).status;

/** Name, id and pid of what runs in the standing project. */
async function running(): Promise<string[]> {
  const instances = await standing.ps();
  return instances.flatMap(({ state, name, id, pid }) => (state === "running" ? [`${name} ${id} ${pid}`] : [])).toSorted();
}

const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`);

/** What a pull leaves on its way. */
const unfinished = (): string[] => readdirSync(join(homeLayout(platform().home).images, "tmp"));

/** Each waits for the one before it. */
const CHAIN = ["first", "second", "third"];

function chain(image = "host"): string {
  const check = {
    test: ["CMD-SHELL", "true"],
    interval: "100ms",
    start_interval: "100ms",
    start_period: "30s",
    timeout: "20s",
  };
  const services = CHAIN.map((name, index) => {
    const before = CHAIN[index - 1];
    const after = before === undefined ? {} : { depends_on: { [before]: { condition: "service_healthy" } } };
    return [name, countedService(name, "exec sleep 1000", { image, healthcheck: check, ...after })] as const;
  });
  return composeFile(Object.fromEntries(services));
}

const compose = (content: string): Promise<TestProject> =>
  platform().compose({ "compose.yaml": content, "starts/.keep": "" });

const startedOnce = Object.fromEntries([...CHAIN.map((name) => [name, 1]), [".keep", 0]]);

describe.each(PROCESSES)("kill -9 of %s", { timeout: 120_000 }, (name) => {
  test("at every step of an `up`, and of a `down`: both complete, and each container was started once", async () => {
    const before = await running();
    const project = await compose(chain());
    await using up = platform().spawn(["up", "-f", project.file, "-p", project.name, "--wait"], PATIENT);
    await up.line(/first/, "stderr");
    await platform().crash(name);
    for (const service of CHAIN) {
      // The moment in which a container runs and hardly anybody knows.
      await until(
        async () => startsOf(project)[service],
        (starts) => starts === 1,
      );
      await platform().crash(name);
    }
    expect(await up.result).toMatchObject({ exitCode: 0 });
    expect(startsOf(project)).toEqual(startedOnce);
    const instances = await project.ps();
    expect(instances.map(({ service, state }) => `${service} ${state}`).toSorted()).toEqual(
      CHAIN.map((service) => `${service} running`).toSorted(),
    );
    expect(instances.filter(({ pid }) => !isAlive(pid!))).toEqual([]);

    await using down = platform().spawn(["down", "-p", project.name], PATIENT);
    await down.line(/third/, "stderr");
    await platform().crash(name);
    expect(await down.result).toMatchObject({ exitCode: 0 });
    expect(await project.ps()).toEqual([]);
    expect(instances.filter(({ pid }) => isAlive(pid!))).toEqual([]);
    expect(startsOf(project)).toEqual(startedOnce);
    expect(await running()).toEqual(before);
  });

  test("in the middle of a pull: the `up` completes, the image is whole, and nothing of the interrupted pull stays", async () => {
    await using registry = await SlowRegistry.start();
    const project = await compose(chain(registry.image));
    await using up = platform().spawn(["up", "-f", project.file, "-p", project.name, "--wait"], PATIENT);
    await registry.underWay;
    await platform().crash(name);
    registry.goOn();
    expect(await up.result).toMatchObject({ exitCode: 0 });
    expect(startsOf(project)).toEqual(startedOnce);
    const images = await platform().json<ImageInfo[]>(["image", "ls"]);
    expect(images.filter(({ reference }) => reference === registry.image)).toHaveLength(1);
    expect(unfinished()).toEqual([]);
    await project.down("-v");
  });

  test("under traffic: open connections live, an exit of the meantime is known, and the route answers", async () => {
    const before = await running();
    using line = await EchoLine.open(await standing.instance("line"));
    const { pid } = await standing.instance(`mortal-${name}`);
    await platform().crash(name);
    process.kill(pid!, "SIGUSR1");
    await line.roundTrip();
    expect(await askWeb()).toBe(200);
    await until(
      () => standing.instance(`mortal-${name}`),
      ({ state, exitCode }) => state === "exited" && exitCode === 42,
    );
    await line.roundTrip();
    expect(await askWeb()).toBe(200);
    expect(await running()).toEqual(before.filter((one) => !one.startsWith(`standing-mortal-${name}-`)));
    expect(startsOf(standing)).toMatchObject({ kept: 1 });
  });
});

describe("kill -9 of the agent", { timeout: 60_000 }, () => {
  test("in the middle of `image pull` ends it with a reason, and the next pull brings the image", async () => {
    await using registry = await SlowRegistry.start();
    await using pull = platform().spawn(["image", "pull", registry.image], PATIENT);
    await registry.underWay;
    await platform().crash("agent");
    registry.goOn();
    const { exitCode, stderr } = await pull.result;
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 125, stderr: expect.stringMatching(/\[SLIPWAY_\w+\]/) });
    await platform().ok(["image", "pull", registry.image], PATIENT);
    expect(unfinished()).toEqual([]);
  });
});
