import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { homeLayout } from "#contracts/home.ts";
import { connectPlatform } from "#messaging/connect.ts";
import { StoreGuard } from "#messaging/nats-server/store-guard.ts";
import { composeFile, shellService } from "./apps.ts";
import { EventFeed } from "./event-feed.ts";
import type { TestProject } from "./project.ts";
import { SlowRegistry } from "./slow-registry.ts";
import { SmallDisk } from "./small-disk.ts";
import { until } from "./until.ts";
import { usePlatform } from "./use-platform.ts";

const DISK_MIB = 256;
const LAYER_MIB = 40;
const PATIENT = { timeoutMs: 80_000 };

const disk = new SmallDisk(DISK_MIB);
// Registered first, and so run last: the platform is gone by then.
afterAll(() => disk[Symbol.dispose]());
process.env["SLIPWAY_TEST_DISK"] = disk.path;
const platform = usePlatform();
let project: TestProject;

// A test that failed must not keep the platform from being taken down.
afterEach(() => disk.makeRoom());

beforeAll(async () => {
  project = await platform().compose(
    composeFile({
      steady: shellService("i=0; while :; do i=$((i+1)); echo line $i; sleep 0.05; done"),
      phoenix: shellService("exec sleep 1000", { restart: "always" }),
    }),
    "disk",
  );
  await project.up(PATIENT);
}, 120_000);

const unfinished = (): string[] => readdirSync(join(homeLayout(platform().home).images, "tmp"));
const linesOfSteady = async (): Promise<number[]> => {
  const lines = await platform().ok(["logs", "-p", "disk", "--no-prefix", "steady"]);
  return lines
    .split("\n")
    .flatMap((line) => /^line (\d+)$/.exec(line)?.[1] ?? [])
    .map(Number);
};

test(
  "a disk that fills during a pull, and then during an unpack, is named; the image comes when there is room",
  { timeout: 180_000 },
  async () => {
    await using registry = await SlowRegistry.start(LAYER_MIB * 1024 ** 2);
    registry.goOn();
    const other = await platform().compose(
      composeFile({ app: { image: registry.image, command: ["sleep", "1000"], stop_grace_period: "1s" } }),
    );
    await using events = new EventFeed(platform(), new Date(), 150_000);
    disk.leave(LAYER_MIB / 2);
    const failed = await other.tryUp(PATIENT);
    expect(failed).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/no space is left on the disk of the images folder.*SLIPWAY_IMAGE_DISK_FULL/s),
    });
    expect(failed.stderr).toMatch(/writing the layer/);
    expect(unfinished()).toEqual([]);

    disk.leave(LAYER_MIB * 1.5);
    await until(
      async () => (await other.instance("app")).error?.message ?? "",
      (message) => /unpacking the layer.*no space/.test(message),
      60_000,
    );
    await until(
      async () => unfinished(),
      (left) => left.length === 0,
    );

    disk.makeRoom();
    await events.next("instance.started", `${other.name}-app-1`);
    expect(await other.instance("app")).toMatchObject({ state: "running" });
    await other.down("-v");
    await platform().ok(["image", "rm", registry.image]);
  },
);

test(
  "a disk without room for a state or a log line ends no container, refuses a change, and all goes on when there is room",
  { timeout: 180_000 },
  async () => {
    const before = await project.ps();
    const phoenix = await project.instance("phoenix");
    await using events = new EventFeed(platform(), new Date(), 150_000);
    const other = await platform().compose(composeFile({ one: shellService("exec sleep 1000") }));
    disk.leave(0);
    process.kill(phoenix.pid!, "SIGKILL");
    const refused = await other.tryUp(PATIENT);
    expect(refused).toMatchObject({
      exitCode: 125,
      stderr: expect.stringMatching(/the disk of .* has 0 MiB left.*SLIPWAY_API_DISK_FULL/s),
    });
    const steady = before.find(({ service }) => service === "steady")!;
    expect(process.kill(steady.pid!, 0)).toBe(true);

    disk.makeRoom();
    await events.next("instance.started", "disk-phoenix-1");
    await until(
      () => project.instance("phoenix"),
      ({ state, restarts }) => state === "running" && restarts === phoenix.restarts + 1,
    );
    await other.up(PATIENT);
    await other.down();
    expect((await project.instance("steady")).pid).toBe(steady.pid);
    const known = (await linesOfSteady()).at(-1)!;
    await until(linesOfSteady, (lines) => lines.at(-1)! > known);
  },
);

test(
  "a stream that met a full disk takes messages again when there is room: nats-server is started anew",
  { timeout: 120_000 },
  async () => {
    const home = homeLayout(platform().home);
    const before = platform().pidOf("nats-server");
    using guard = new StoreGuard({ home, log: () => {} });
    const { host, port } = JSON.parse(readFileSync(join(home.nats, "nats-server.conf"), "utf8")) as {
      host: string;
      port: number;
    };
    const url = `nats://${host}:${port}`;
    const credsFile = join(home.keys, "control.creds");
    await using writer = await connectPlatform({ url, credsFile, name: "test", onStoreStuck: guard.stuck });
    const event = {
      type: "node.started",
      source: "/test",
      subject: "n",
      data: { ballast: "x".repeat(256 * 1024) },
    } as const;
    disk.leave(0);
    await expect(writer.events.append(event)).rejects.toMatchObject({ code: "SLIPWAY_MESSAGING_STORE_STUCK" });
    expect(platform().pidOf("nats-server")).toBe(before);
    disk.makeRoom();
    await until(
      async () => platform().pidOf("nats-server"),
      (pid) => pid !== before,
    );
    await writer.events.append(event);
    await project.up(PATIENT);
  },
);
