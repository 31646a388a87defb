import { beforeAll, describe, expect, test } from "vitest";
import { appService, composeFile, shellService } from "./apps.ts";
import { EventFeed } from "./event-feed.ts";
import type { TestProject } from "./project.ts";
import { until } from "./until.ts";
import { usePlatform } from "./use-platform.ts";

const platform = usePlatform();
let project: TestProject;

/** Counts up on both streams as fast as it can, until SIGUSR1. */
const COUNTING = `
  $| = 1; my $n = 0; my $ended = 0; $SIG{USR1} = sub { $ended = 1 };
  until ($ended) {
    for (1 .. 20) { $n++; print STDOUT "$n\\n"; print STDERR "e$n\\n" }
    select(undef, undef, undef, 0.005);
  }
  print STDOUT "last $n";`.replaceAll("$", "$$$$");

beforeAll(async () => {
  project = await platform().compose(
    composeFile({
      web: shellService("exec sleep 1000"),
      asker: appService("resolve"),
      flood: { image: "host", command: ["perl", "-e", COUNTING] },
      brief: shellService("trap 'echo last words; printf \"no newline\"; exit 0' USR1; while :; do sleep 0.02; done"),
    }),
    "deaths",
  );
  await project.up();
}, 90_000);

/** kill -9 of the agent, and the next one is there and has recovered everything. */
async function replaceAgent(): Promise<void> {
  await using events = new EventFeed(platform());
  await platform().crash("agent");
  await events.next("node.started");
}

/** Not `toEqual`: a difference among thousands of lines is to be readable. */
function firstDifference(actual: readonly string[], expected: readonly string[]): string | undefined {
  const length = Math.max(actual.length, expected.length);
  const index = Array.from({ length }, (_, at) => at).find((at) => actual[at] !== expected[at]);
  if (index === undefined) return undefined;
  return `line ${index}: ${actual.slice(index, index + 3).join(", ")} instead of ${expected.slice(index, index + 3).join(", ")}`;
}

interface Asked {
  datagrams: number;
  lookups: number;
  problems: string[];
}

/** What a service printed, its stdout first. */
async function linesOf(service: string): Promise<string[]> {
  const args = ["logs", "--no-prefix", "-p", project.name, service];
  const { stdout, stderr } = await platform().slipway(args, { timeoutMs: 30_000 });
  return (stdout.endsWith("\n") ? stdout : `${stdout}\n`).concat(stderr).trimEnd().split("\n");
}

describe("while the agent is killed again and again", () => {
  test("every DNS query of a container is answered rightly, at the first try", { timeout: 60_000 }, async () => {
    const { pid } = await project.instance("asker");
    await using logs = platform().spawn(["logs", "-f", "--no-prefix", "-p", project.name, "asker"]);
    await logs.line(/^asking/);
    for (let kill = 0; kill < 4; kill++) await replaceAgent();
    process.kill(pid!, "SIGUSR2");
    const asked = JSON.parse((await logs.line(/^summary/)).slice("summary ".length)) as Asked;
    expect(asked.problems).toEqual([]);
    expect(asked.datagrams).toBeGreaterThan(100);
    expect(asked.lookups).toBeGreaterThan(20);
  });

  test(
    "no line of a container that never pauses is missing or there twice, nor of what follows it",
    { timeout: 90_000 },
    async () => {
      const { pid } = await project.instance("flood");
      await using follower = platform().spawn(["logs", "-f", "--no-prefix", "-p", project.name, "flood"], {
        timeoutMs: 80_000,
      });
      await follower.line(/^100$/);
      for (let kill = 0; kill < 4; kill++) await replaceAgent();
      process.kill(pid!, "SIGUSR1");
      const last = Number((await follower.line(/^last \d+$/)).slice("last ".length));
      expect(last).toBeGreaterThan(5_000);
      await until(
        () => project.instance("flood"),
        ({ state }) => state === "exited",
      );
      const numbers = Array.from({ length: last }, (_, index) => index + 1);
      for (const lines of [await linesOf("flood"), (follower.stdout + follower.stderr).trimEnd().split("\n")]) {
        const [output, errors] = [
          lines.filter((line) => !line.startsWith("e")),
          lines.filter((line) => line.startsWith("e")),
        ];
        expect(firstDifference(output, [...numbers.map(String), `last ${last}`])).toBeUndefined();
        expect(
          firstDifference(
            errors,
            numbers.map((number) => `e${number}`),
          ),
        ).toBeUndefined();
      }
    },
  );

  test("what a container wrote last is there, though it ended while there was no agent", { timeout: 60_000 }, async () => {
    const { pid } = await project.instance("brief");
    await using events = new EventFeed(platform());
    await platform().crash("agent");
    process.kill(pid!, "SIGUSR1");
    await events.next("instance.exited", "deaths-brief-1");
    expect(await linesOf("brief")).toEqual(["last words", "no newline"]);
  });
});
