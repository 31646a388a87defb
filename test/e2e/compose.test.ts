import { expect, test } from "vitest";
import type { RecordedEvent } from "#contracts/event.ts";
import type { Listed } from "./platform.ts";
import { until } from "./until.ts";
import { usePlatform } from "./use-platform.ts";

const platform = usePlatform();
const SLEEP = "image: host\n    init: true\n    command: [sleep, infinity]";
const startedAt = ({ startedAt: at }: Listed): number => new Date(at!).getTime();

test("a dependency is started, healthy or completed before what depends on it starts, as each condition says", async () => {
  const project = await platform().compose(`
services:
  migrate:
    image: host
    command: [sh, -c, "sleep 0.3"]
  db:
    ${SLEEP}
    healthcheck: { test: [CMD, test, -e, /tmp/ready], interval: 1s, start_period: 20s, start_interval: 100ms }
    depends_on: { migrate: { condition: service_completed_successfully } }
  cache:
    ${SLEEP}
  web:
    ${SLEEP}
    depends_on:
      db: { condition: service_healthy }
      cache: { condition: service_started }
`);
  await using up = platform().spawn(["up", "-f", project.file, "-p", project.name, "--wait"]);
  await up.line(/waits for db to be healthy/, "stderr");
  await until(
    () => project.ps(),
    (all) => all.some(({ service, state }) => service === "db" && state === "running"),
  );
  expect((await project.ps()).map(({ service }) => service)).not.toContain("web");
  await project.sh("db", "touch /tmp/ready");
  expect(await up.result).toMatchObject({ exitCode: 0 });
  const [migrate, db, cache, web] = await Promise.all(
    ["migrate", "db", "cache", "web"].map((name) => project.instance(name)),
  );
  expect(migrate).toMatchObject({ state: "exited", exitCode: 0 });
  expect(new Date(migrate!.finishedAt!).getTime()).toBeLessThanOrEqual(startedAt(db!));
  expect(startedAt(web!)).toBeGreaterThan(startedAt(cache!));
  expect(web).toMatchObject({ state: "running" });
  await project.down();
});

test("a dependency that fails keeps what depends on it from starting, and up says why", async () => {
  const project = await platform().compose(`
services:
  migrate:
    image: host
    command: [sh, -c, "echo cannot migrate >&2; exit 7"]
  web:
    ${SLEEP}
    depends_on: { migrate: { condition: service_completed_successfully } }
`);
  const { exitCode, stderr } = await project.tryUp();
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/migrate: .*exit code 7/);
  expect(stderr).toMatch(/slipway logs -p \w+ migrate/);
  expect((await project.ps()).filter(({ service, state }) => service === "web" && state === "running")).toEqual([]);
  await project.down();
});

test("up replaces what changed, removes what went, creates what is new and leaves the rest", async () => {
  const file = (colour: string, last: string): string => `
services:
  kept:
    ${SLEEP}
  changed:
    ${SLEEP}
    environment: { COLOUR: ${colour} }
  ${last}:
    ${SLEEP}
`;
  const project = await platform().compose(file("red", "gone"));
  await project.up();
  const before = await project.ps();
  await project.write(file("blue", "fresh"));
  await project.up();
  const after = await until(
    () => project.ps(),
    (all) => all.length === 3,
  );
  const idOf = (all: Listed[], service: string) => all.find((one) => one.service === service)?.id;
  expect(after.map(({ service }) => service).toSorted()).toEqual(["changed", "fresh", "kept"]);
  expect(idOf(after, "kept")).toBe(idOf(before, "kept"));
  expect(after.find(({ service }) => service === "kept")!.pid).toBe(before.find(({ service }) => service === "kept")!.pid);
  expect(idOf(after, "changed")).not.toBe(idOf(before, "changed"));
  expect(await project.sh("changed", "echo $COLOUR")).toBe("blue");
  await project.up();
  expect((await project.ps()).map(({ id }) => id).toSorted()).toEqual(after.map(({ id }) => id).toSorted());
  await project.down();
});

test("replicas are added and taken away, and the others stay as they are", async () => {
  const file = (replicas: number): string => `services:\n  web:\n    ${SLEEP}\n    deploy: { replicas: ${replicas} }\n`;
  const project = await platform().compose(file(2));
  await project.up();
  const two = await project.ps();
  await project.write(file(4));
  await project.up();
  const four = await project.ps();
  expect(four.map(({ index }) => index).toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4]);
  expect(four.map(({ id }) => id)).toEqual(expect.arrayContaining(two.map(({ id }) => id)));
  await project.write(file(1));
  await project.up();
  const one = await until(
    () => project.ps(),
    (all) => all.length === 1,
  );
  expect(one[0]!.id).toBe(two.find(({ index }) => index === 1)!.id);
  await project.down();
});

test("a replacement with a health check is ready before what it replaces goes", async () => {
  const file = (version: number, check: string): string => `
services:
  web:
    ${SLEEP}
    environment: { VERSION: ${version} }
    healthcheck: { test: [CMD, ${check}], interval: 200ms, retries: 2, start_period: 1s, start_interval: 100ms }
`;
  const project = await platform().compose(file(1, "true"));
  await project.up();
  const before = await project.instance("web");
  await project.write(file(2, "true"));
  await project.up();
  const after = await until(
    () => project.ps(),
    (all) => all.length === 1,
  );
  const [{ id } = before] = after;
  expect(id).not.toBe(before.id);
  expect(await project.sh("web", "echo $VERSION")).toBe("2");
  const events = await platform().json<RecordedEvent[]>(["events", "-p", project.name]);
  const cursorOf = (type: string, instanceId: string): number =>
    events.find(({ event }) => event.type.endsWith(type) && event.data["instanceId"] === instanceId)!.cursor;
  expect(cursorOf("instance.healthy", id)).toBeLessThan(cursorOf("instance.stopping", before.id));
  await project.down();
});

test("stop holds a service stopped, start brings it back, restart starts its process anew", async () => {
  const project = await platform().compose(`services:\n  web:\n    ${SLEEP}\n    restart: always\n`);
  await project.up();
  const before = await project.instance("web");
  const ref = `${project.name}/web`;
  await platform().ok(["stop", ref]);
  expect(await project.instance("web")).toMatchObject({ id: before.id, state: "exited", pid: null });
  await platform().ok(["start", ref]);
  const started = await project.instance("web");
  expect(started).toMatchObject({ id: before.id, state: "running" });
  await platform().ok(["restart", ref]);
  const restarted = await project.instance("web");
  expect(restarted).toMatchObject({ id: before.id, state: "running" });
  expect(restarted.pid).not.toBe(started.pid);
  await project.down();
  expect(await project.ps()).toEqual([]);
});

test("down of a project that is not there says so, and down --all takes every project", async () => {
  const missing = await platform().slipway(["down", "-p", "nosuch"]);
  expect(missing.exitCode).toBe(125);
  expect(missing.stderr).toMatch(/nosuch.*SLIPWAY_API_PROJECT_UNKNOWN/);
  for (const name of ["one", "two"]) await (await platform().compose(`services:\n  a:\n    ${SLEEP}\n`, name)).up();
  await platform().ok(["down", "--all"]);
  expect(await platform().ps()).toEqual([]);
});

test("up without -d follows the logs until Ctrl-C, which stops the services", async () => {
  const project = await platform().compose(
    `services:\n  web:\n    image: host\n    init: true\n    command: [sh, -c, "echo hello; exec sleep infinity"]\n`,
  );
  await using up = platform().spawn(["up", "-f", project.file, "-p", project.name]);
  await up.line(/web.*\| hello/);
  up.child.kill("SIGINT");
  expect(await up.result).toMatchObject({ exitCode: 130 });
  expect(await project.instance("web")).toMatchObject({ state: "exited" });
  await project.down();
});
