import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect, credsAuthenticator, type NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { homeLayout } from "#contracts/home.ts";
import { ask } from "#gateway/testing/clients.ts";
import { until } from "#test/e2e/until.ts";
import { HOME, instances, PATIENCE, run, slipway } from "./machine.ts";
import { EventWatch, readCursors } from "./event-watch.ts";

const HOUR_S = 3600;
const HTTPS_PORT = 8443;
const CHECKS_FOLDER = "/root/checks";
const CHECKS = join(CHECKS_FOLDER, "made");
const FILE = "/root/clock.yaml";
/** Long enough to be under way when the clock is set; an hour's error would be seen. */
const GRACE_S = 60;
const SHORTEST_WAIT_MS = 10_000;
/** What a busy emulator may take for a step. */
const SLACK_MS = 100_000;

const WEB = String.raw`
  $server = IO::Socket::INET->new(Listen => 9, LocalPort => 8080, ReuseAddr => 1) or die;
  while ($peer = $server->accept) {
    while (<$peer>) { last if /^\r?\n$/ }
    print $peer "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"; close $peer;
  }`.replaceAll("\n", " ");

/** What goes on while the clock is set. A new host is a new certificate, and replaces the web server: the old one is drained. */
function compose(host: string): string {
  const script = (line: string): object => ({ image: "host", command: ["sh", "-c", line.replaceAll("$", "$$$$")] });
  const check = { test: ["CMD-SHELL", "echo made >>/checks/made"], interval: "2s", timeout: "100s", retries: 1 };
  const counts = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.5; done";
  const services = {
    counts: { ...script(counts), init: true, healthcheck: check, volumes: [`${CHECKS_FOLDER}:/checks`] },
    web: {
      image: "host",
      command: ["perl", "-MIO::Socket::INET", "-e", WEB.replaceAll("$", "$$$$")],
      init: true,
      labels: { host },
      "x-slipway": { route: { host, port: 8080 } },
    },
  };
  return JSON.stringify({ name: "clock", services });
}

const FALLING = JSON.stringify({
  name: "falling",
  services: { falls: { image: "host", command: ["sh", "-c", "exit 3"], restart: "always" } },
});

const STUBBORN = JSON.stringify({
  name: "stubborn",
  services: {
    stubborn: {
      image: "host",
      command: ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"],
      stop_grace_period: `${GRACE_S}s`,
    },
  },
});

/** As somebody does who finds it wrong, or a time server that is. */
const setClock = async (bySeconds: number): Promise<void> =>
  void (await run("date", "--set", `@${Math.round(Date.now() / 1000) + bySeconds}`));

const askWeb = async (host: string, ca: string): Promise<number> =>
  (await ask({ httpsPort: HTTPS_PORT, ca }, host, "/")).status;

const checksMade = (): number => readFileSync(CHECKS, "utf8").split("\n").length;

const countedUpTo = async (...since: string[]): Promise<number[]> =>
  (await slipway("logs", "-p", "clock", "--no-prefix", ...since, "counts")).trim().split("\n").map(Number);

/** With an instance's own credentials, as its container has them. */
function connectAs(instanceId: string, servers: string): Promise<NatsConnection> {
  const path = join(homeLayout(HOME).runInstances, instanceId, "secrets/nats.creds");
  return connect({ servers, authenticator: credsAuthenticator(readFileSync(path)), timeout: SLACK_MS });
}

async function sketch() {
  const { id, pid, state, health, restarts } = (await instances()).get("counts")!;
  return { id, pid, state, health, restarts };
}

/** Consecutive numbers, the last of them far enough on. */
function expectWhole(numbers: number[]): void {
  const steps = numbers.slice(1).map((number, index) => number - numbers[index]!);
  expect(steps.filter((step) => step !== 1)).toEqual([]);
}

/** On a machine whose clock is ours to set: the platform is installed, and goes on afterwards with the time as it was. */
export function describeClock(): void {
  describe("a clock that is set while everything goes on", () => {
    let ca: string;
    let natsUrl: string;

    beforeAll(async () => {
      mkdirSync(CHECKS_FOLDER);
      writeFileSync(FILE, compose("before.test"));
      writeFileSync("/root/stubborn.yaml", STUBBORN);
      writeFileSync("/root/falling.yaml", FALLING);
      // It says that the service keeps ending.
      await slipway("up", "-d", "-f", "/root/falling.yaml").catch(() => undefined);
      await slipway("up", "-d", "-f", FILE);
      await until(sketch, ({ health }) => health === "healthy", PATIENCE.timeout);
      ca = await slipway("ca", "show");
      natsUrl = (await slipway("exec", "clock/counts", "printenv", "NATS_URL")).trim();
    });

    afterAll(async () => {
      for (const project of ["clock", "falling"]) await slipway("down", "-p", project);
    });

    test.each([
      { direction: "ahead", seconds: HOUR_S },
      { direction: "back", seconds: -HOUR_S },
    ])(
      "an hour $direction: containers, health, waits, drains, credentials, certificates, logs and events go on as they were",
      async ({ direction, seconds }) => {
        const host = `${direction}.test`;
        const before = await sketch();
        await slipway("up", "-d", "--wait", "-f", "/root/stubborn.yaml");
        await using events = await EventWatch.open();
        const connection = await connectAs(before.id, natsUrl);
        const down = slipway("down", "-p", "stubborn");
        await events.next("instance.stopping", "stubborn");
        const countedBefore = (await countedUpTo()).at(-1)!;
        writeFileSync(FILE, compose(host));
        const up = slipway("up", "-d", "-f", FILE);
        await events.next("instance.started", "web");
        const checksBefore = checksMade();
        const wait = await events.waiting("falls", SHORTEST_WAIT_MS);

        await setClock(seconds);
        const setAt = performance.now();

        await Promise.all([down, up]);
        expect(performance.now() - setAt).toBeLessThan(GRACE_S * 1000 + SLACK_MS);
        await expect.poll(checksMade, PATIENCE).toBeGreaterThan(checksBefore + 1);
        await expect.poll(() => askWeb(host, ca).catch(() => 0), PATIENCE).toBe(200);
        expect(await sketch()).toEqual(before);
        await connection.flush();
        await connection.close();
        for (const service of ["counts", "web"]) {
          const nats = await connectAs((await instances()).get(service)!.id, natsUrl);
          await nats.flush();
          await nats.close();
        }

        const counted = await countedUpTo();
        expect(counted[0]).toBe(1);
        expectWhole(counted);
        const recent = await countedUpTo("--since", "30m");
        expectWhole(recent);
        expect(recent.at(-1)).toBeGreaterThanOrEqual(counted.at(-1)!);
        // By the clock, only what was said since it was set is from less than half an hour ago, or all of it.
        if (direction === "back") expect(recent[0]).toBe(1);
        else expect(recent[0]).toBeGreaterThan(countedBefore);

        const afterMs = Number(wait.event.data["afterMs"]);
        const waitedMs = (await events.next("instance.started", "falls", setAt)).at - wait.at;
        expect(waitedMs).toBeGreaterThan(afterMs / 2);
        expect(waitedMs).toBeLessThan(afterMs + SLACK_MS);
        expect(events.typesOf("counts")).toEqual([]);
        const cursors = events.cursors;
        expect(cursors).toEqual(cursors.toSorted((a, b) => a - b));
        expect((await readCursors("--since", events.since)).slice(0, cursors.length)).toEqual(cursors);
      },
    );
  });
}
