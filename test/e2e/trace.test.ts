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
