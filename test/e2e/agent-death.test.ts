import { beforeAll, describe, expect, test } from "vitest";
import { appService, composeFile, shellService } from "./apps.ts";
import { EventFeed } from "./event-feed.ts";
import type { TestProject } from "./project.ts";
import { usePlatform } from "./use-platform.ts";

const platform = usePlatform();
let project: TestProject;

beforeAll(async () => {
  project = await platform().compose(
    composeFile({ web: shellService("exec sleep 1000"), asker: appService("resolve") }),
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

interface Asked {
  datagrams: number;
  lookups: number;
  slowestMs: number;
  problems: string[];
}

describe("while the agent is killed again and again", () => {
  test("every DNS query of a container is answered rightly, at the first try", { timeout: 60_000 }, async () => {
    const { pid } = await project.instance("asker");
    for (let kill = 0; kill < 4; kill++) await replaceAgent();
    await using logs = platform().spawn(["logs", "-f", "--no-prefix", "-p", project.name, "asker"]);
    await logs.line(/^asking/);
    process.kill(pid!, "SIGUSR2");
    const asked = JSON.parse((await logs.line(/^summary/)).slice("summary ".length)) as Asked;
    expect(asked.problems).toEqual([]);
    expect(asked.datagrams).toBeGreaterThan(100);
    expect(asked.lookups).toBeGreaterThan(20);
    expect(asked.slowestMs).toBeLessThan(5_000);
  });
});
