import { expect, test } from "vitest";
import type { Trace, TraceSummary } from "#contracts/trace.ts";
import { ask } from "#gateway/testing/clients.ts";
import { appService, composeFile, ECHO_HEALTHCHECK, shellService } from "./apps.ts";
import { until } from "./until.ts";
import { usePlatform } from "./use-platform.ts";

const platform = usePlatform();
const HOST = "trace.test";

const json = async <Answer>(...args: string[]): Promise<Answer> => (await platform().json(args)) as Answer;

test("one trace goes from `up` to the first request that the new instance answers, over a killed control process", async () => {
  const project = await platform().compose(
    composeFile({
      web: appService("echo", { healthcheck: ECHO_HEALTHCHECK, "x-slipway": { route: { host: HOST, port: 8080 } } }),
    }),
    "traced",
  );
  const { stderr, exitCode } = await platform().slipway(["up", "-d", "--wait", "-f", project.file]);
  expect(exitCode).toBe(0);
  const [, traceId = ""] = /^trace ([0-9a-f]{32}): slipway trace show \1?/m.exec(stderr) ?? [];
  expect(traceId).not.toBe("");
  const gateway = { httpsPort: platform().httpsPort, ca: await platform().ok(["ca", "show"]) };
  expect((await ask(gateway, HOST, "/")).status).toBe(200);
  const names = ({ spans }: Trace): string[] =>
    spans.map(({ process, name }) => `${process.replace("slipway-", "")}: ${name}`);
  const trace = await until(
    () => json<Trace>("trace", "show", traceId),
    (found) => names(found).includes("gateway: first request"),
  );
  expect(names(trace)).toEqual(
    expect.arrayContaining([
      "cli: slipway up",
      "control: PUT /v1/projects/:project",
      "control: controller create-assignment",
      "control: controller write-route",
      "agent: instance start",
      "agent: obtain image",
      "agent: provide credentials",
      "agent: attach volumes",
      "agent: connect networks",
      "agent: launch child",
      "agent: become healthy",
      "gateway: first request",
    ]),
  );
  const launch = trace.spans.find(({ name }) => name === "launch child");
  expect(launch?.events.map(({ name }) => name)).toEqual(expect.arrayContaining(["own session", "filter system calls"]));
  for (const { attributes } of launch?.events ?? []) expect(attributes).toMatchObject({ microseconds: expect.any(Number) });
  await platform().crash("control");
  const waterfall = await until(
    () => platform().slipway(["trace", "show", traceId.slice(0, 10)]),
    (outcome) => outcome.exitCode === 0,
  );
  expect(waterfall.stdout).toMatch(/└─ PUT \/v1\/projects\/:project +control/);
  const listed = await json<TraceSummary[]>("trace", "ls", "--project", "traced");
  expect(listed.map((each) => each.traceId)).toContain(traceId);
});

test("an unknown trace is said to be, with where to look", async () => {
  const { stderr, exitCode } = await platform().slipway(["trace", "show", "0123abcd"]);
  expect(exitCode).toBe(125);
  expect(stderr).toMatch(/there is no trace 0123abcd \[SLIPWAY_API_TRACE_UNKNOWN\]\n.*slipway trace ls/);
});

test("why says how an instance ended and what comes next, from a real stream of events", async () => {
  const crash = shellService("sleep 0.2; exit 3", { restart: "on-failure:1" });
  const project = await platform().compose(composeFile({ crash }), "whys");
  await platform().slipway(["up", "-d", "-f", project.file]);
  const why = await until(
    () => platform().slipway(["why", "whys/crash"]),
    ({ stdout }) => stdout.includes("gives up"),
  );
  expect(why.stdout).toMatch(/^whys-crash-1 does not run: it ended at .*, with exit code 3\.\n/);
  expect(why.stdout).toContain("Its restart policy `on-failure:1` has started it again once in a row and gives up.");
  expect(why.stdout).toContain("which added the service.");
});

test("a restart by itself is a trace of its own, and a stop is in the trace of who asked", async () => {
  const crash = shellService("sleep 0.1; [ -e /tmp/once ] && exec sleep 1000; touch /tmp/once; exit 3", {
    restart: "always",
  });
  const project = await platform().compose(composeFile({ crash }), "apart");
  const up = await platform().slipway(["up", "-d", "-f", project.file]);
  const list = () => json<TraceSummary[]>("trace", "ls", "--project", "apart");
  const [again] = await until(
    async () => (await list()).filter(({ name }) => name === "instance restart"),
    (found) => found.length === 1,
  );
  const restart = await json<Trace>("trace", "show", again!.traceId);
  const [, deployId = ""] = /^trace ([0-9a-f]{32})/m.exec(up.stderr) ?? [];
  expect(restart.spans[0]?.links.map(({ traceId }) => traceId)).toEqual([deployId]);
  const deploy = await json<Trace>("trace", "show", deployId);
  expect(deploy.spans.filter(({ name }) => name === "instance start")).toHaveLength(1);
  const stop = await platform().slipway(["stop", "apart/crash"]);
  const [, stopId = ""] = /^trace ([0-9a-f]{32})/m.exec(stop.stderr) ?? [];
  await until(
    () => json<Trace>("trace", "show", stopId),
    ({ spans }) => ["slipway stop", "instance stop"].every((part) => spans.some(({ name }) => name === part)),
  );
  const why = await platform().ok(["why", "apart/crash"]);
  expect(why).toMatch(/It was asked to stop by uid 0\b.*, and stays so until it is started again\./);
});

test("why says what a service waits for that has no instance, and that what it waits for has failed", async () => {
  const check = { test: ["CMD-SHELL", "test -e /tmp/well"], interval: "100ms", retries: 3 };
  const project = await platform().compose(
    composeFile({
      db: shellService("exec sleep 1000", { healthcheck: { ...check, start_period: "1h", start_interval: "100ms" } }),
      web: shellService("exec sleep 1000", { depends_on: { db: { condition: "service_healthy" } } }),
      job: shellService("exit 3"),
      after: shellService("true", { depends_on: { job: { condition: "service_completed_successfully" } } }),
    }),
    "held",
  );
  const up = platform().spawn(["up", "-d", "-f", project.file]);
  const why = (name: string, part: string) =>
    until(
      () => platform().slipway(["why", name]),
      ({ stdout }) => stdout.includes(part),
    );
  expect((await why("held/web", "waits for")).stdout).toMatch(
    /^held\/web has no instance yet: since .* it waits for db to be healthy\.\n$/,
  );
  expect((await why("held-after-1", "has failed")).stdout).toContain("held-job-1 ended with exit code 3.");
  await platform().ok(["exec", "held/db", "touch", "/tmp/well"]);
  expect((await why("held-web-1", "is running")).stdout).toContain("which added the service.");
  await up.result;
});
