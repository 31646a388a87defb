import { expect, test } from "vitest";
import type { RecordedEvent } from "#contracts/event.ts";
import { appService, composeFile, ECHO_HEALTHCHECK, shellService } from "./apps.ts";
import { EventFeed } from "./event-feed.ts";
import { usePlatform } from "./use-platform.ts";

const platform = usePlatform();

/** `type subject`, in order. */
const described = (events: readonly RecordedEvent[]): string[] =>
  events.map(({ event }) => `${event.type.replace("dev.slipway.", "")} ${event.subject}`);

const read = (...flags: string[]): Promise<RecordedEvent[]> => platform().json<RecordedEvent[]>(["events", ...flags]);

test("every change of state has its event, from `up` to `down -v`", { timeout: 90_000 }, async () => {
  const web = appService("echo", {
    healthcheck: ECHO_HEALTHCHECK,
    networks: ["front"],
    "x-slipway": { route: { host: "life.test", port: 8080 }, publishes: ["life.of.web"] },
  });
  const job = shellService("exit 3", { volumes: ["kept:/kept"], restart: "on-failure:1" });
  const more = { networks: { front: {} }, volumes: { kept: {} } };
  const project = await platform().compose(composeFile({ web, job }, more), "life");
  await using events = new EventFeed(platform());
  await project.tryUp();
  await events.next("instance.restarting", "life-job-1");
  await events.next("instance.healthy", "life-web-1");
  await platform().ok(["exec", "life/web", "touch", "/tmp/sick"]);
  await events.next("instance.unhealthy", "life-web-1");
  await project.write(composeFile({ web: { ...web, environment: { CHANGED: "yes" } } }, more));
  await project.up();
  await project.down("-v");
  await events.next("project.removed", "life");
  const happened = described(events.seen);
  for (const expected of [
    "project.applied life",
    "instance.assigned life/web/life-web-1",
    "network.created life",
    "volume.created life",
    "credentials.issued life/web/life-web-1",
    "instance.started life/web/life-web-1",
    "instance.healthy life/web/life-web-1",
    "instance.unhealthy life/web/life-web-1",
    "instance.started life/job/life-job-1",
    "instance.exited life/job/life-job-1",
    "instance.restarting life/job/life-job-1",
    "service.replaced life/web/life-web-1",
    "instance.stopping life/web/life-web-1",
    "instance.removed life/web/life-web-1",
    "instance.removed life/job/life-job-1",
    "credentials.revoked life/web/life-web-1",
    "route.added life/web",
    "route.changed life/web",
    "route.removed life/web",
    "network.removed life",
    "volume.removed life",
    "project.removed life",
  ])
    expect(happened).toContainEqual(expect.stringMatching(new RegExp(`^${expected}`)));
});

test("an out-of-memory kill is told as one", async () => {
  await using events = new EventFeed(platform());
  const hog = "const all = []; for (;;) all.push(Buffer.alloc(1 << 20, 1))";
  const args = ["run", "--rm", "--memory", "64m", "host", "/opt/slipway/bin/node", "-e", hog];
  expect(await platform().slipway(args)).toMatchObject({ exitCode: 137 });
  expect((await events.next("instance.oom-killed")).data).toMatchObject({ exitCode: 137 });
});

test("reading on from an event's cursor gives exactly the later ones", async () => {
  await platform().ok(["run", "--rm", "host", "true"]);
  const all = await read();
  const middle = all[Math.floor(all.length / 2)]!;
  const later = await read("--since", String(middle.cursor));
  expect(later.slice(0, all.length)).toEqual(all.slice(all.indexOf(middle) + 1, all.length));
  const cursors = all.map(({ cursor }) => cursor);
  expect(cursors).toEqual(cursors.toSorted((a, b) => a - b));
  expect(new Set(cursors).size).toBe(cursors.length);
});

test("reading on from a time gives what happened since then", async () => {
  const from = new Date().toISOString();
  await platform().ok(["run", "--rm", "host", "true"]);
  const since = await read("--since", from);
  expect(since.length).toBeGreaterThan(0);
  expect(since.filter(({ event }) => event.time < from)).toEqual([]);
});

test("-f goes on with what happens, and also survives nothing happening", async () => {
  await using events = new EventFeed(platform());
  const id = (await platform().ok(["run", "-d", "host", "sleep", "1000"])).trim();
  expect((await events.next("instance.started", "")).data).toMatchObject({ instanceId: id });
  await platform().ok(["rm", "-f", id]);
  await events.next("instance.removed");
});
