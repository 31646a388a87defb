import { expect, test } from "vitest";
import type { RecordedEvent } from "#contracts/event.ts";
import type { TestProject } from "./project.ts";
import { until } from "./until.ts";
import { usePlatform } from "./use-platform.ts";

const platform = usePlatform();

async function eventsOf(project: TestProject): Promise<{ type: string; time: number; data: Record<string, unknown> }[]> {
  const events = await platform().json<RecordedEvent[]>(["events", "-p", project.name]);
  return events.map(({ event: { type, time, data } }) => ({
    type: type.replace("dev.slipway.", ""),
    time: new Date(time).getTime(),
    data,
  }));
}

test("on-failure:2 restarts a failing container twice, each time later than before, and then gives up", async () => {
  const project = await platform().compose(`
services:
  bad:
    image: host
    command: [sh, -c, "echo try; exit 3"]
    restart: on-failure:2
`);
  // It may have given up before `up` has looked: then `up` says so.
  await platform().slipway(["up", "-d", "-f", project.file, "-p", project.name]);
  const ended = await until(
    () => project.instance("bad"),
    ({ state }) => state === "exited",
  );
  expect(ended).toMatchObject({ exitCode: 3, restarts: 2 });
  const pauses = (await eventsOf(project))
    .filter(({ type }) => type === "instance.restarting")
    .map(({ data }) => data["afterMs"]);
  expect(pauses).toEqual([100, 200]);
  expect((await platform().ok(["logs", "--no-prefix", "-p", project.name, "bad"])).split("\n").filter(Boolean)).toEqual([
    "try",
    "try",
    "try",
  ]);
  await project.down();
});

test("on-failure leaves a container that succeeded alone, always starts it again, and no never does", async () => {
  const once = (restart: string) => `
    image: host
    restart: ${restart}
    volumes: [./count:/count]
    command: [sh, -c, 'echo x >>/count/$$SLIPWAY_SERVICE; [ "$$(wc -l </count/$$SLIPWAY_SERVICE)" -gt 1 ] && exec sleep infinity; exit 0']
    init: true`;
  const project = await platform().compose(`
services:
  failing:${once("on-failure")}
  always:${once("always")}
  no:${once('"no"')}
`);
  await platform().ok(["up", "-d", "-f", project.file, "-p", project.name]);
  const all = await until(
    () => project.ps(),
    (seen) => seen.some(({ service, state, restarts }) => service === "always" && state === "running" && restarts === 1),
  );
  expect(all.find(({ service }) => service === "failing")).toMatchObject({ state: "exited", exitCode: 0, restarts: 0 });
  expect(all.find(({ service }) => service === "no")).toMatchObject({ state: "exited", exitCode: 0, restarts: 0 });
  await project.down();
});

test("a killed container is started again with a new process, and a stopped one is not", async () => {
  const project = await platform().compose(
    "services:\n  web:\n    image: host\n    init: true\n    command: [sleep, infinity]\n    restart: unless-stopped\n",
  );
  await project.up();
  const before = await project.instance("web");
  process.kill(before.pid!, "SIGKILL");
  const after = await until(
    () => project.instance("web"),
    ({ state, pid }) => state === "running" && pid !== before.pid,
  );
  expect(after).toMatchObject({ id: before.id, restarts: 1, ip: before.ip });
  await platform().ok(["stop", `${project.name}/web`]);
  expect(await project.instance("web")).toMatchObject({ state: "exited" });
  await project.down();
});

test("a container whose check fails becomes unhealthy, leaves its service's name, and comes back when it is well", async () => {
  const project = await platform().compose(`
services:
  web:
    image: host
    init: true
    command: [sh, -c, "touch /tmp/well; exec sleep infinity"]
    healthcheck: { test: "test -e /tmp/well", interval: 200ms, timeout: 2s, retries: 2 }
  client:
    image: host
    init: true
    command: [sleep, infinity]
`);
  await project.up();
  expect(await project.instance("web")).toMatchObject({ health: "healthy" });
  expect((await project.exec("client", "getent", "hosts", "web")).exitCode).toBe(0);
  await project.sh("web", "rm /tmp/well");
  await until(
    () => project.instance("web"),
    ({ health }) => health === "unhealthy",
  );
  expect((await project.exec("client", "getent", "hosts", "web")).exitCode).not.toBe(0);
  await project.sh("web", "touch /tmp/well");
  await until(
    () => project.instance("web"),
    ({ health }) => health === "healthy",
  );
  const types = (await eventsOf(project)).map(({ type }) => type).filter((type) => /healthy/.test(type));
  expect(types).toEqual(["instance.healthy", "instance.unhealthy", "instance.healthy"]);
  await project.down();
});

test("up --wait of a container that never becomes healthy ends with 1 and says which and why", async () => {
  const project = await platform().compose(`
services:
  sick:
    image: host
    init: true
    command: [sleep, infinity]
    healthcheck: { test: [CMD, "false"], interval: 100ms, retries: 3 }
`);
  const { exitCode, stderr } = await project.tryUp();
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/sick: .*unhealthy.*\[SLIPWAY_\w+\]\n {2}→ .*slipway logs/);
  await project.down();
});

test("stop sends the service's stop signal, and SIGKILL when its grace period is over", async () => {
  const trap = (signal: string, then: string) =>
    `command: [perl, -e, '$$|=1; $$SIG{${signal}} = sub { ${then} }; print "ready\\n"; sleep 1 while 1']`;
  const project = await platform().compose(`
services:
  polite:
    image: host
    stop_signal: SIGUSR1
    ${trap("USR1", 'print "bye\\n"; exit 4')}
  stubborn:
    image: host
    stop_grace_period: 700ms
    ${trap("TERM", 'print "no\\n"')}
`);
  await project.up();
  for (const service of ["polite", "stubborn"]) {
    await using logs = platform().spawn(["logs", "-f", "-p", project.name, service]);
    await logs.line(/ready/);
  }
  await platform().ok(["stop", `${project.name}/polite`]);
  expect(await project.instance("polite")).toMatchObject({ exitCode: 4 });
  const began = performance.now();
  await platform().ok(["stop", `${project.name}/stubborn`]);
  expect(performance.now() - began).toBeGreaterThan(700);
  expect(await project.instance("stubborn")).toMatchObject({ state: "exited", exitCode: 137, oomKilled: false });
  expect(await platform().ok(["logs", "--no-prefix", "-p", project.name, "stubborn"])).toBe("ready\nno\n");
  await project.down();
});

test("init: true reaps orphans and hands signals on; without it the command is process 1", async () => {
  const project = await platform().compose(`
services:
  with:
    image: host
    init: true
    command: [sh, -c, "(sleep 0.01 &) ; exec sleep infinity"]
  without:
    image: host
    command: [sleep, infinity]
    stop_grace_period: 200ms
`);
  await project.up();
  expect(await project.sh("without", "cat /proc/1/comm")).toBe("sleep");
  expect(await project.sh("with", "cat /proc/1/comm")).not.toBe("sleep");
  await until(
    () => project.sh("with", "grep -hs State /proc/[0-9]*/status | sort | uniq -c"),
    (states) => !/zombie/.test(states),
  );
  await platform().ok(["stop", `${project.name}/with`]);
  expect(await project.instance("with")).toMatchObject({ exitCode: 143 });
  await project.down();
});
