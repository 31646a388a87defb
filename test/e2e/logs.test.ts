import { beforeAll, expect, test } from "vitest";
import type { LogRecord } from "#contracts/api.ts";
import type { TestProject } from "./project.ts";
import { usePlatform } from "./use-platform.ts";

const platform = usePlatform();
let project: TestProject;
const LINES = 10_000;

beforeAll(async () => {
  project = await platform().compose(
    {
      "compose.yaml": `
services:
  both:
    image: host
    command: [sh, -c, "echo first out; echo first err >&2; printf 'no newline'; exec sleep infinity"]
    init: true
  counter:
    image: host
    command: [perl, /app/count.pl]
    init: true
    volumes: [./app:/app:ro]
`,
      // Counts to stdout in bursts, and waits for a signal to do so.
      "app/count.pl": `
$| = 1; my $n = 0;
$SIG{USR1} = sub { print "line ", ++$n, "\\n" for 1 .. ${LINES}; print "done\\n" };
print "started\\n"; sleep 1 while 1;
`,
    },
    "logs",
  );
  await project.up();
  await platform()
    .spawn(["logs", "-f", "-p", "logs", "counter"])
    .line(/started/);
});

const logs = (...args: string[]) => platform().slipway(["logs", "-p", "logs", "--no-prefix", ...args]);

test("both streams of a container come apart, each to the CLI's own", async () => {
  const { stdout, stderr } = await logs("both");
  expect(stdout.startsWith("first out\n")).toBe(true);
  expect(stderr).toBe("first err\n");
});

test("lines have the service's name before them, as docker compose prints them", async () => {
  const { stdout } = await platform().slipway(["logs", "-p", "logs"]);
  expect(stdout).toMatch(/^both {4}\| first out$/m);
  expect(stdout).toMatch(/^counter \| started$/m);
});

test("-f loses none of 10,000 lines, and -n gives the last ones", async () => {
  await using follow = platform().spawn(["logs", "-p", "logs", "--no-prefix", "-f", "counter"]);
  await follow.line(/^started$/);
  await project.exec("counter", "sh", "-c", "kill -USR1 -1");
  await follow.line(/^done$/);
  const numbers = follow.stdout.split("\n").filter((line) => line.startsWith("line "));
  expect(numbers).toEqual(Array.from({ length: LINES }, (_, index) => `line ${index + 1}`));
  expect((await logs("-n", "3", "counter")).stdout).toBe(`line ${LINES - 1}\nline ${LINES}\ndone\n`);
  expect((await logs("-n", "0", "counter")).stdout).toBe("");
  expect((await logs("counter")).stdout.split("\n").length).toBe(LINES + 3);
});

test("-t prints each line's time, and --since leaves out what came before", async () => {
  const { stdout } = await logs("-t", "-n", "1", "counter");
  const [time] = stdout.split(" ");
  expect(new Date(time!).getTime()).toBeGreaterThan(Date.now() - 120_000);
  const later = new Date(new Date(time!).getTime() + 1).toISOString();
  expect((await logs("--since", later, "counter")).stdout).toBe("");
});

test("-o json gives records with time, stream, service and instance", async () => {
  const records = await platform().json<LogRecord[]>(["logs", "-p", "logs", "both"]);
  expect(records).toContainEqual({
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
    stream: "stderr",
    line: "first err",
    partial: false,
    project: "logs",
    service: "both",
    instance: "logs-both-1",
  });
});

test("-f goes on over a restart of the container, and what it said before is kept", async () => {
  await using follow = platform().spawn(["logs", "-p", "logs", "--no-prefix", "-f", "-n", "1", "counter"]);
  await follow.line(/^done$/);
  await platform().ok(["restart", "logs/counter"]);
  await follow.line(/^started$/);
  await project.exec("counter", "sh", "-c", "kill -USR1 -1");
  await follow.line(new RegExp(`^line ${LINES}$`));
  const { stdout } = await logs("counter");
  expect(stdout.split("\n").filter((line) => line === "started")).toHaveLength(2);
});

test("a line without its newline is kept when the container ends", async () => {
  await platform().ok(["stop", "logs/both"]);
  expect((await logs("both")).stdout).toMatch(/^first out\nno newline\n?$/);
});

test("a service that is not there is an error that lists what is", async () => {
  const { exitCode, stderr } = await logs("nosuch");
  expect(exitCode).toBe(125);
  expect(stderr).toMatch(/"nosuch".*there are:.*logs-both-1.*SLIPWAY_CLI_NOT_FOUND/);
});
