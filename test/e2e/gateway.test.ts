import { execFile } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { type Answer, ask, type Ask, askHttp2, type GatewayAddress, openHttp2 } from "#gateway/testing/clients.ts";
import { appService, composeFile, ECHO_HEALTHCHECK, shellService } from "./apps.ts";
import type { TestProject } from "./project.ts";
import { until } from "./until.ts";
import { usePlatform } from "./use-platform.ts";

const HOST = "echo.test";
const platform = usePlatform();
const run = promisify(execFile);
let project: TestProject;
let gateway: GatewayAddress;
let caFile: string;

const compose = (replicas: number): string =>
  composeFile({
    echo: appService("echo", {
      deploy: { replicas },
      healthcheck: ECHO_HEALTHCHECK,
      "x-slipway": { route: { host: HOST, path: "/", port: 8080 } },
    }),
    deaf: shellService("exec sleep 1000", { "x-slipway": { route: { host: HOST, path: "/deaf", port: 9 } } }),
  });

beforeAll(async () => {
  project = await platform().compose(compose(2), "gate");
  await project.up();
  const ca = await platform().ok(["ca", "show"]);
  gateway = { httpsPort: platform().httpsPort, ca };
  caFile = join(await platform().scratch("ca"), "ca.pem");
  await writeFile(caFile, ca);
}, 120_000);

const askEcho = (path = "/", options: Ask = {}): Promise<Answer> => ask(gateway, HOST, path, options);

/** What the container saw of the request. */
interface Seen {
  instance: string;
  url: string;
  httpVersion: string;
  body: string;
  headers: Record<string, string>;
}
const seenIn = ({ body }: { body: string }): Seen => JSON.parse(body) as Seen;

/** The instances that answer; enough requests that each has its turn. */
async function answering(): Promise<string[]> {
  const answers = await Promise.all(Array.from({ length: 12 }, () => askEcho()));
  return [...new Set(answers.map((answer) => (answer.status === 200 ? seenIn(answer).instance : String(answer.status))))];
}

/** Asks on several connections, again and again, while something happens; the statuses and how many. */
async function whileAsking(work: () => Promise<unknown>): Promise<{ statuses: string[]; count: number }> {
  const statuses = new Set<string>();
  let count = 0;
  let goesOn = true;
  const askAgain = async (): Promise<void> => {
    while (goesOn) {
      const status = await askEcho("/slow?ms=20").then(
        (answer) => String(answer.status),
        (error: Error) => error.message,
      );
      statuses.add(status);
      count++;
    }
  };
  const asking = Promise.all([askAgain(), askAgain(), askAgain(), askAgain()]);
  try {
    await work();
  } finally {
    goesOn = false;
    await asking;
  }
  return { statuses: [...statuses], count };
}

test.each([
  ["1.1", "--http1.1"],
  ["2", "--http2"],
])("curl gets an answer out of the container over HTTP/%s, trusting the local CA alone", async (version, flag) => {
  const url = `https://${HOST}:${gateway.httpsPort}/some/where?a=1`;
  const resolved = `${HOST}:${gateway.httpsPort}:127.0.0.1`;
  const args = ["-sS", flag, "--cacert", caFile, "--resolve", resolved, "-w", "\n%{http_version}", "-d", "hello", url];
  const [body = "", spoken] = (await run("curl", args)).stdout.split("\n");
  expect(spoken).toBe(version);
  expect(seenIn({ body })).toMatchObject({ url: "/some/where?a=1", body: "hello", httpVersion: "1.1" });
});

test("node's own HTTP/2 client sends many requests on one connection", async () => {
  await using session = await openHttp2(gateway, HOST);
  const authority = `${HOST}:${gateway.httpsPort}`;
  const asked = Array.from({ length: 20 }, (_, index) =>
    askHttp2(session, { ":path": `/${index}`, ":authority": authority }),
  );
  expect((await Promise.all(asked)).map((answer) => seenIn(answer).url)).toEqual(asked.map((_, index) => `/${index}`));
});

test("a WebSocket goes through to the container and back", async () => {
  const socket = new WebSocket(`wss://${HOST}:${gateway.httpsPort}/`, {
    ca: gateway.ca,
    lookup: (_name, _options, callback) => callback(null, [{ address: "127.0.0.1", family: 4 }]),
  });
  await once(socket, "open");
  socket.send("through the gateway");
  const [message] = (await once(socket, "message")) as [Buffer];
  expect(message.toString()).toBe("through the gateway");
  socket.close();
  await once(socket, "close");
});

test("the container sees who asks and how, and not what a client says of itself", async () => {
  const forged = {
    "x-forwarded-for": "6.6.6.6",
    "x-forwarded-proto": "gopher",
    "x-forwarded-host": "evil.test",
    "x-real-ip": "6.6.6.6",
    forwarded: "for=6.6.6.6",
  };
  const { headers } = seenIn(await askEcho("/", { headers: forged }));
  expect(headers).toMatchObject({
    host: `${HOST}:${gateway.httpsPort}`,
    "x-forwarded-for": "127.0.0.1",
    "x-forwarded-proto": "https",
    "x-forwarded-host": `${HOST}:${gateway.httpsPort}`,
    "x-forwarded-port": String(gateway.httpsPort),
    "x-real-ip": "127.0.0.1",
    forwarded: `for=127.0.0.1;host="${HOST}:${gateway.httpsPort}";proto=https`,
  });
  expect(JSON.stringify(headers)).not.toMatch(/6\.6\.6\.6|evil|gopher/);
});

test("plain HTTP is redirected to HTTPS on its port", async () => {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; location: string }>();
  const headers = { host: `${HOST}:${platform().httpPort}` };
  httpRequest({ host: "127.0.0.1", port: platform().httpPort, path: "/a?b=c", headers, agent: false }, (response) => {
    response.resume();
    resolve({ status: response.statusCode ?? 0, location: response.headers.location ?? "" });
  })
    .on("error", reject)
    .end();
  expect(await promise).toEqual({ status: 308, location: `https://${HOST}:${gateway.httpsPort}/a?b=c` });
});

test("a host that nobody has is 404, and says which there is none of", async () => {
  const answer = await ask(gateway, "nobody.test", "/", { rejectUnauthorized: false });
  expect(answer).toMatchObject({ status: 404, body: expect.stringContaining("nobody.test") });
});

test("a container that does not listen is 502, and the page says what is wrong", async () => {
  const answer = await askEcho("/deaf");
  expect(answer).toMatchObject({ status: 502, body: expect.stringContaining("does not accept connections") });
});

test("an instance that fails its check is taken out, and 503 is said when none is left", async () => {
  const [first = "", second = ""] = await until(answering, (found) => found.length === 2 && !found.includes("503"));
  await platform().ok(["exec", first, "touch", "/tmp/sick"]);
  await until(answering, (found) => found.length === 1 && found[0] === second);
  await platform().ok(["exec", second, "touch", "/tmp/sick"]);
  await until(answering, (found) => found[0] === "503");
  expect(await askEcho()).toMatchObject({ status: 503, body: expect.stringContaining("SLIPWAY_GATEWAY_NO_INSTANCE") });
  await platform().ok(["exec", first, "rm", "/tmp/sick"]);
  await platform().ok(["exec", second, "rm", "/tmp/sick"]);
  await until(answering, (found) => found.toSorted().join() === [first, second].toSorted().join());
});

test("scaling up and down and replacing under requests fails none of them", async () => {
  const { statuses, count } = await whileAsking(async () => {
    await project.write(compose(3));
    await project.up();
    await until(answering, (found) => found.length === 3);
    await project.write(compose(1));
    await project.up();
    await until(answering, (found) => found.length === 1);
  });
  expect(statuses).toEqual(["200"]);
  expect(count).toBeGreaterThan(20);
});

test("`down` gives 404 instead of an answer", async () => {
  await project.down();
  expect(await ask(gateway, HOST, "/", { rejectUnauthorized: false })).toMatchObject({ status: 404 });
});
