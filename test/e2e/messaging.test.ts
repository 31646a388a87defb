import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { connect, credsAuthenticator } from "@nats-io/transport-node";
import { beforeAll, expect, test } from "vitest";
import { homeLayout } from "#contracts/home.ts";
import { ask } from "#gateway/testing/clients.ts";
import { appService, composeFile } from "./apps.ts";
import { EventFeed } from "./event-feed.ts";
import type { TestProject } from "./project.ts";
import { until } from "./until.ts";
import { usePlatform } from "./use-platform.ts";

const platform = usePlatform();
let ours: TestProject;
let theirs: TestProject;
let ca: string;

/** A service that speaks NATS and has a route of its own. */
function speaker(host: string, declared: Record<string, string[]>): object {
  return appService("nats", {
    environment: {
      ...(declared.subscribes && { SUBSCRIBES: declared.subscribes.join(" ") }),
      ...(declared.serves && { SERVES: declared.serves[0] }),
    },
    healthcheck: {
      test: ["CMD", "perl", "-MIO::Socket::INET", "-e", "exit !IO::Socket::INET->new('127.0.0.1:8080')"],
      interval: "1s",
      start_period: "20s",
      start_interval: "100ms",
    },
    "x-slipway": { route: { host, port: 8080 }, ...declared },
  });
}

beforeAll(async () => {
  ours = await platform().compose(
    composeFile({
      asker: speaker("asker.test", { requests: ["talk.up"], publishes: ["news.a"] }),
      answerer: speaker("answerer.test", { serves: ["talk.up"] }),
      listener: speaker("listener.test", { subscribes: ["news.>"] }),
    }),
    "ours",
  );
  theirs = await platform().compose(
    composeFile({ stranger: speaker("stranger.test", { subscribes: ["news.>", "talk.>"] }) }),
    "theirs",
  );
  await Promise.all([ours.up({ timeoutMs: 60_000 }), theirs.up({ timeoutMs: 60_000 })]);
  ca = await platform().ok(["ca", "show"]);
}, 120_000);

async function tell(service: string, path: string, body = ""): Promise<{ status: number; body: string }> {
  const answer = await ask({ httpsPort: platform().httpsPort, ca }, `${service}.test`, path, { method: "POST", body });
  return { status: answer.status, body: answer.body };
}

const heardBy = async (service: string): Promise<{ heard: string[]; refused: string[] }> =>
  JSON.parse((await tell(service, "/heard")).body) as { heard: string[]; refused: string[] };

test("a request is answered by the service that serves its subject, with unmodified clients on both sides", async () => {
  expect(await tell("asker", "/request?subject=talk.up", "hello")).toEqual({ status: 200, body: "HELLO" });
});

test("what is published is heard by who declares it in the project, and by nobody in another project", async () => {
  await tell("asker", "/publish?subject=news.a", "extra");
  await until(
    () => heardBy("listener"),
    ({ heard }) => heard.includes("news.a extra"),
  );
  // The stranger's own subscription is good: it is another account's subject.
  expect(await heardBy("stranger")).toEqual({ heard: [], refused: [] });
});

test("a subject that is not declared is refused, to publish, to request and to subscribe", async () => {
  await tell("asker", "/publish?subject=secret.x", "x");
  const { refused } = await until(
    () => heardBy("asker"),
    (said) => said.refused.length > 0,
  );
  expect(refused[0]).toMatch(/permissions violation.*publish.*secret\.x/i);
  expect(await tell("listener", "/request?subject=talk.up", "hello")).toMatchObject({ status: 502 });
  expect(await tell("answerer", "/publish?subject=news.a", "false")).toMatchObject({ status: 200 });
  await until(
    () => heardBy("answerer"),
    (said) => said.refused.some((message) => message.includes("news.a")),
  );
  expect((await heardBy("listener")).heard).not.toContain("news.a false");
});

test("an instance's credentials are void when it is gone, and its neighbours' stay good", async () => {
  const { id } = await ours.instance("asker");
  const creds = await readFile(join(homeLayout(platform().home).runInstances, id, "secrets/nats.creds"));
  const servers = await ours.sh("asker", "echo $NATS_URL");
  const login = () => connect({ servers, authenticator: credsAuthenticator(creds), reconnect: false, timeout: 5_000 });
  const stolen = await login();
  stolen.publish("news.a", "stolen");
  await stolen.flush();
  await using events = new EventFeed(platform());
  await ours.write(
    composeFile({
      answerer: speaker("answerer.test", { serves: ["talk.up"] }),
      listener: speaker("listener.test", { subscribes: ["news.>"] }),
    }),
  );
  await ours.up({ timeoutMs: 60_000 });
  await events.next("credentials.revoked", "ours-asker-1");
  expect(await stolen.closed()).toBeInstanceOf(Error);
  await expect(login()).rejects.toThrow(/authorization/i);
  expect((await ours.instance("listener")).state).toBe("running");
  expect((await heardBy("listener")).heard).toContain("news.a stolen");
});
