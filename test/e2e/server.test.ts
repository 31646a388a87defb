import { once } from "node:events";
import { readFile, stat } from "node:fs/promises";
import { request } from "node:http";
import { createServer } from "node:net";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { homeLayout } from "#contracts/home.ts";
import { PACKAGE_ROOT } from "#contracts/process-entry.ts";
import { composeFile, shellService } from "./apps.ts";
import { RunningCommand, type CommandResult } from "./command.ts";
import { freePort } from "./free-port.ts";
import { listenersOf } from "./listeners.ts";
import { assertNothingRemains } from "./remains.ts";
import { usePlatform } from "./use-platform.ts";

const serverArguments: string[] = [];
const apiPort = await freePort();
serverArguments.push("--api-port", String(apiPort));
const platform = usePlatform({ args: serverArguments });

const startAnother = (...args: string[]): Promise<CommandResult> => platform().slipway(["server", ...args]);
const ports = async (): Promise<string[]> => [
  "--http-port",
  String(await freePort()),
  "--https-port",
  String(await freePort()),
];

async function get(path: string, headers: Record<string, string> = {}): Promise<{ status: number; body: string }> {
  const sent = request({ host: "127.0.0.1", port: apiPort, path, headers, agent: false }).end();
  const [response] = (await once(sent, "response")) as [import("node:http").IncomingMessage];
  return { status: response.statusCode ?? 0, body: await text(response) };
}

const token = async (): Promise<string> => (await readFile(`${homeLayout(platform().home).keys}/api-token`, "utf8")).trim();

test("a second server on the same home is refused, with the pid of the first, and leaves it alone", async () => {
  const { exitCode, stderr } = await startAnother("--home", platform().home, ...(await ports()));
  expect(exitCode).toBe(125);
  expect(stderr).toContain("[SLIPWAY_SERVER_ALREADY_RUNS]");
  expect(stderr).toContain(`pid ${platform().pidOf("server")}`);
  expect(stderr).toMatch(/→ .*--home/);
  expect(await platform().slipway(["run", "--rm", "host", "echo", "lives"])).toMatchObject({ stdout: "lives\n" });
});

test("a port that another program has is refused by its number, and nothing is left", async () => {
  const other = createServer().listen(0, "0.0.0.0");
  await once(other, "listening");
  const { port } = other.address() as { port: number };
  const home = await platform().scratch("other-home");
  const taken = ["--http-port", String(port), "--https-port", String(await freePort())];
  const { exitCode, stderr } = await startAnother("--home", home, ...taken);
  other.close();
  expect(exitCode).toBe(125);
  expect(stderr).toContain(`port ${port} is in use`);
  expect(stderr).toContain("[SLIPWAY_SERVER_PORT_IN_USE]");
  expect(stderr).toMatch(/→ .*--http-port/);
  await expect(stat(homeLayout(home).run)).rejects.toMatchObject({ code: "ENOENT" });
});

test("a server whose output nobody reads any more ends in order all the same", { timeout: 60_000 }, async () => {
  const home = await platform().scratch("unread");
  await using server = platform().spawn(["server", "--home", home, ...(await ports())], { timeoutMs: 50_000 });
  await server.line(/^slipway: ready/);
  server.child.stdout.destroy();
  server.child.stderr.destroy();
  server.child.kill("SIGTERM");
  expect(await once(server.child, "exit")).toEqual([0, null]);
  await assertNothingRemains(home);
});

test("a port that is no port is refused before anything is made", async () => {
  const home = await platform().scratch("no-port");
  const { exitCode, stderr } = await startAnother("--home", home, "--http-port", "70000", "--https-port", "1");
  expect({ exitCode, stderr }).toEqual({ exitCode: 125, stderr: expect.stringContaining("[SLIPWAY_SERVER_USAGE]") });
});

test("somebody who is not root is told so", async () => {
  const args = ["server", "--home", "/tmp/nobody-home", ...(await ports())];
  await using server = new RunningCommand(
    "setpriv",
    ["--reuid=65534", "--clear-groups", `${PACKAGE_ROOT}/slipway`, ...args],
    {},
  );
  const { exitCode, stderr } = await server.result;
  expect(exitCode).toBe(125);
  expect(stderr).toContain("[SLIPWAY_SERVER_NOT_ROOT]");
  expect(stderr).toMatch(/→ .*sudo/);
  await expect(stat("/tmp/nobody-home")).rejects.toMatchObject({ code: "ENOENT" });
});

test("somebody who is not root may not use the API's socket", async () => {
  const env = { SLIPWAY_HOME: platform().home };
  await using ps = new RunningCommand("setpriv", ["--reuid=65534", "--clear-groups", `${PACKAGE_ROOT}/slipway`, "ps"], {
    env,
  });
  const { exitCode, stderr } = await ps.result;
  expect({ exitCode, stderr }).toEqual({
    exitCode: 125,
    stderr: expect.stringContaining("[SLIPWAY_CLI_SERVER_FORBIDDEN]"),
  });
});

test("without a server every verb says that none runs, and how to start one", async () => {
  const env = { SLIPWAY_HOME: await platform().scratch("nobody-home") };
  for (const args of [["ps"], ["run", "host", "true"], ["logs", "-p", "x"], ["down", "-p", "x"]]) {
    const { exitCode, stderr } = await platform().slipway(args, { env });
    expect({ exitCode, stderr }).toEqual({
      exitCode: 125,
      stderr: expect.stringContaining("[SLIPWAY_CLI_SERVER_NOT_RUNNING]"),
    });
    expect(stderr).toMatch(/→ .*slipway server/);
  }
});

test("over TCP the API takes the token and nothing else, also from the CLI", async () => {
  expect(await get("/v1/instances")).toMatchObject({
    status: 401,
    body: expect.stringContaining("SLIPWAY_API_UNAUTHORIZED"),
  });
  expect(await get("/v1/instances", { authorization: "Bearer wrong" })).toMatchObject({ status: 401 });
  expect(await get("/v1/instances", { authorization: `Bearer ${await token()}` })).toMatchObject({ status: 200 });
  const env = { SLIPWAY_HOST: `http://127.0.0.1:${apiPort}` };
  expect(await platform().slipway(["ps"], { env })).toMatchObject({
    exitCode: 125,
    stderr: expect.stringContaining("[SLIPWAY_API_UNAUTHORIZED]"),
  });
  const withToken = { ...env, SLIPWAY_TOKEN: await token() };
  expect(await platform().slipway(["run", "--rm", "host", "echo", "by token"], { env: withToken })).toMatchObject({
    exitCode: 0,
    stdout: "by token\n",
  });
});

test("the API describes itself in OpenAPI, every path of it", async () => {
  const { body } = await get("/v1/openapi.json", { authorization: `Bearer ${await token()}` });
  const described = JSON.parse(body) as { openapi: string; paths: object };
  expect(described.openapi).toMatch(/^3\.1/);
  expect(Object.keys(described.paths)).toEqual(
    expect.arrayContaining(["/v1/projects/{project}", "/v1/instances", "/v1/events", "/v1/logs", "/v1/doctor"]),
  );
});

test("of all its processes only the gateway listens on outside addresses, on its two ports", async () => {
  const project = await platform().compose(composeFile({ one: shellService("exec sleep 1000") }));
  await project.up();
  const names = ["server", "agent", "control", "gateway", "nats-server"] as const;
  const listeners = listenersOf(names.map((name) => platform().pidOf(name)));
  const outside = listeners.filter(({ address }) => address === "0.0.0.0" || address === "::");
  const gatewayPorts = new Set([platform().httpPort, platform().httpsPort]);
  expect(new Set(outside.map(({ port }) => port))).toEqual(gatewayPorts);
  // The supervisor holds the gateway's sockets for it and accepts nothing from them.
  expect(new Set(outside.map(({ pid }) => pid))).toEqual(
    new Set([platform().pidOf("gateway"), platform().pidOf("server")]),
  );
  const nats = listeners.filter(({ pid }) => pid === platform().pidOf("nats-server"));
  const natsUrl = new URL(await project.sh("one", "echo $NATS_URL"));
  expect(nats.map(({ address, port }) => `${address}:${port}`)).toEqual([natsUrl.host]);
  const control = listeners.filter(({ pid }) => pid === platform().pidOf("control"));
  expect(control.map(({ address, port }) => `${address}:${port}`)).toEqual([`127.0.0.1:${apiPort}`]);
  const agent = listeners.filter(({ pid }) => pid === platform().pidOf("agent"));
  expect(agent.filter(({ address }) => !/^(10|127|172|192)\./.test(address))).toEqual([]);
  await project.down();
});
