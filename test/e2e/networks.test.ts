import { once } from "node:events";
import { connect, createServer, type Server } from "node:net";
import { networkInterfaces } from "node:os";
import { text } from "node:stream/consumers";
import { beforeAll, expect, test } from "vitest";
import type { NetworkInfo } from "#contracts/api.ts";
import { freePort } from "./free-port.ts";
import type { TestProject } from "./project.ts";
import { usePlatform } from "./use-platform.ts";

const platform = usePlatform();
let alpha: TestProject;
let beta: TestProject;
let published: number;

/** Answers every connection to 8080 with its host name. */
const SERVE = `command: [node, -e, 'require("net").createServer((c) => c.on("error", () => {}).end(require("os").hostname() + "\\n")).listen(8080)']
    image: host
    init: true
    healthcheck: { test: [CMD, bash, -c, "exec 3<>/dev/tcp/127.0.0.1/8080"], interval: 1s, start_period: 10s, start_interval: 100ms }`;
const SLEEP = "command: [sleep, infinity]\n    init: true\n    image: host";

beforeAll(async () => {
  published = await freePort();
  alpha = await platform().compose(
    `
services:
  web:
    ${SERVE}
    deploy: { replicas: 3 }
    networks: { default: { aliases: [site, www.example.test] } }
  client:
    ${SLEEP}
  front:
    ${SERVE}
    ports: ["127.0.0.1:${published}:8080"]
`,
    "alpha",
  );
  beta = await platform().compose(
    `
services:
  web:
    ${SERVE}
    networks: [default, back]
  client:
    ${SLEEP}
  inner:
    ${SERVE}
    networks: [back]
  shut:
    ${SLEEP}
    networks: [vault]
    cap_add: [NET_ADMIN]
networks:
  back: {}
  vault: { internal: true }
`,
    "beta",
  );
  await Promise.all([alpha.up(), beta.up()]);
}, 60_000);

const addresses = async (project: TestProject, from: string, name: string): Promise<string[]> =>
  (await project.sh(from, `getent ahostsv4 ${name} | cut -d' ' -f1 | sort -u`)).split("\n").filter((line) => line !== "");
/** What a TCP server says, or `no` when it cannot be reached within a second. */
const ask = (project: TestProject, from: string, host: string, port = 8080): Promise<string> =>
  project.sh(from, `timeout 1 bash -c 'exec 3<>/dev/tcp/${host}/${port} && cat <&3' 2>/dev/null || echo no`);

test("a service's name and its aliases are the addresses of all replicas, an instance's name is its own", async () => {
  const web = (await alpha.ps()).filter(({ service }) => service === "web");
  const all = web.map(({ ip }) => ip!).toSorted();
  expect(all).toHaveLength(3);
  for (const name of ["web", "site", "www.example.test"])
    expect((await addresses(alpha, "client", name)).toSorted()).toEqual(all);
  for (const { name, ip, id } of web) {
    expect(await addresses(alpha, "client", name)).toEqual([ip]);
    expect(await ask(alpha, "client", name)).toBe(id);
  }
});

test("a replica that has stopped is no longer an answer, and is again when it is back", async () => {
  const { name, ip } = (await alpha.ps()).find(({ service }) => service === "web")!;
  await platform().ok(["stop", name]);
  expect(await addresses(alpha, "client", "web")).toHaveLength(2);
  expect(await addresses(alpha, "client", "web")).not.toContain(ip);
  await platform().ok(["start", name]);
  await alpha.up();
  expect(await addresses(alpha, "client", "web")).toContain(ip);
});

test("two projects reach each other neither by name nor by address", async () => {
  const target = (await beta.instance("web")).addresses["default"]!;
  expect(await ask(beta, "client", target)).not.toBe("no");
  expect(await ask(alpha, "client", target)).toBe("no");
  expect(await addresses(alpha, "client", "beta-web-1")).toEqual([]);
  expect(await addresses(alpha, "client", "inner")).toEqual([]);
  // Each has a service of that name: its own is the answer.
  expect(await addresses(beta, "client", "web")).toEqual([target]);
});

test("two networks of a project are apart, and who is on both is reached from both", async () => {
  const inner = (await beta.instance("inner")).ip!;
  expect(await addresses(beta, "client", "inner")).toEqual([]);
  expect(await ask(beta, "client", inner)).toBe("no");
  expect(await ask(beta, "web", "inner")).toBe((await beta.instance("inner")).id);
  expect(await addresses(beta, "web", "client")).toEqual([(await beta.instance("client")).ip]);
  expect(await ask(beta, "inner", "web")).toBe((await beta.instance("web")).id);
});

test("a network has a way out, an internal one has none", async () => {
  await using outside = await listenOutside();
  expect(await ask(beta, "client", outside.host, outside.port)).toBe("outside");
  expect(await ask(beta, "shut", outside.host, outside.port)).toBe("no");
  // Not for want of a route alone: one that it makes itself leads nowhere.
  const [vault] = await platform().json<NetworkInfo[]>(["network", "inspect", "beta_vault"]);
  await beta.sh("shut", `ip route add default via ${vault!.gateway}`);
  expect(await ask(beta, "shut", outside.host, outside.port)).toBe("no");
});

test("a service of the host's own on a bridge address is out of reach", async () => {
  const [network] = await platform().json<NetworkInfo[]>(["network", "inspect", "alpha_default"]);
  await using outside = await listenOutside();
  expect(await ask(alpha, "client", network!.gateway, outside.port)).toBe("no");
});

test("a published port answers on 127.0.0.1", async () => {
  const front = await alpha.instance("front");
  expect(front.ports).toEqual([{ hostIp: "127.0.0.1", hostPort: published, containerPort: 8080, protocol: "tcp" }]);
  expect(await askHost(published)).toBe(`${front.id}\n`);
});

test("a port that another project publishes, or that the host uses, is refused, and who has it keeps it", async () => {
  const file = (port: number) => `services:\n  web:\n    ${SERVE}\n    ports: ["127.0.0.1:${port}:8080"]\n`;
  const project = await platform().compose(file(published), "gamma");
  const second = await project.tryUp();
  expect(second.exitCode).not.toBe(0);
  expect(second.stderr).toMatch(new RegExp(`${published}.*alpha.*SLIPWAY_API_PORT_CONFLICT`));
  expect(await askHost(published)).toContain((await alpha.instance("front")).id);
  await using outside = await listenOutside();
  await project.write(file(outside.port));
  const used = await project.tryUp();
  expect(used.exitCode).toBe(1);
  expect(used.stderr).toMatch(new RegExp(`${outside.port}.*SLIPWAY_NETWORK_PORT_IN_USE`));
  await project.down();
});

test("an address stays over restart, and over stop and start", async () => {
  const before = await alpha.instance("front");
  await platform().ok(["restart", "alpha/front"]);
  await alpha.up();
  const restarted = await alpha.instance("front");
  expect(restarted).toMatchObject({ id: before.id, ip: before.ip, state: "running" });
  expect(restarted.pid).not.toBe(before.pid);
  await platform().ok(["stop", "alpha/front"]);
  await platform().ok(["start", "alpha/front"]);
  await alpha.up();
  expect(await alpha.instance("front")).toMatchObject({ id: before.id, ip: before.ip });
  expect(await askHost(published)).toContain(before.id);
});

test("network ls and inspect show subnets, gateways and who is where", async () => {
  const networks = await platform().json<NetworkInfo[]>(["network", "ls"]);
  expect(networks.map(({ name }) => name).toSorted()).toEqual(["alpha_default", "beta_back", "beta_default", "beta_vault"]);
  expect(new Set(networks.map(({ subnet }) => subnet)).size).toBe(4);
  const [vault] = await platform().json<NetworkInfo[]>(["network", "inspect", "beta_vault"]);
  expect(vault).toMatchObject({ project: "beta", internal: true });
  expect(vault!.endpoints).toMatchObject([{ instance: "beta-shut-1", ip: (await beta.instance("shut")).ip }]);
});

test("a container of `run` joins a project's network by its name", async () => {
  const { id } = await beta.instance("web");
  const script = "exec 3<>/dev/tcp/web/8080 && cat <&3";
  const joined = await platform().slipway(["run", "--rm", "--network", "beta_default", "host", "bash", "-c", script]);
  expect(joined).toMatchObject({ exitCode: 0, stdout: `${id}\n` });
  const unknown = await platform().slipway(["run", "--rm", "--network", "nosuch_net", "host", "true"]);
  expect(unknown.exitCode).toBe(125);
  expect(unknown.stderr).toContain("beta_default");
});

interface Outside extends AsyncDisposable {
  host: string;
  port: number;
}

/** A server of this machine on all of its addresses; `host` is the one that the outside knows. */
async function listenOutside(): Promise<Outside> {
  const server: Server = createServer((socket) => socket.end("outside\n")).listen(0, "0.0.0.0");
  await once(server, "listening");
  const host = Object.entries(networkInterfaces())
    .filter(([name]) => !name.startsWith("sw"))
    .flatMap(([, own]) => own ?? [])
    .find(({ family, internal }) => family === "IPv4" && !internal)!.address;
  const { port } = server.address() as { port: number };
  return {
    host,
    port,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, "close");
    },
  };
}

/** What a published port says to the host itself. */
function askHost(port: number): Promise<string> {
  return text(connect(port, "127.0.0.1"));
}
