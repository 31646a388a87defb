import { createServer, type Server } from "node:net";
import { once } from "node:events";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { ObservedInstance } from "#contracts/instance.ts";
import { startLyingRegistry } from "#runtime-node/image/testing/lying-registry.ts";
import { startRegistry } from "#runtime-node/image/testing/registry.ts";
import { smallImage, tarOf } from "#runtime-node/image/testing/small-image.ts";
import { getFromApi } from "./api-reader.ts";
import { composeFile, shellService } from "./apps.ts";
import type { CommandResult } from "./command.ts";
import { freePort } from "./free-port.ts";
import type { TestProject } from "./project.ts";
import { usePlatform } from "./use-platform.ts";

const platform = usePlatform();
let neighbour: TestProject;

/** What there is: all that a refused input could have left or disturbed. */
async function inventory(): Promise<Record<string, string[]>> {
  const { home } = platform();
  const [instances, networks, volumes, images] = await Promise.all([
    getFromApi<ObservedInstance[]>(home, "/instances?all=true"),
    getFromApi<{ name: string }[]>(home, "/networks"),
    getFromApi<{ name: string }[]>(home, "/volumes"),
    getFromApi<{ reference: string }[]>(home, "/images"),
  ]);
  return {
    instances: instances.map(({ name, pid, restarts }) => `${name} ${pid} ${restarts}`),
    // That of `run` stays some seconds for the next one.
    networks: networks.map(({ name }) => name).filter((name) => name !== "run_default"),
    volumes: volumes.map(({ name }) => name),
    images: images.map(({ reference }) => reference),
  };
}
let before: Record<string, string[]>;

beforeAll(async () => {
  const service = shellService("exec sleep 1000", { ports: ["127.0.0.1:0:80"], volumes: ["data:/data"] });
  neighbour = await platform().compose(composeFile({ neighbour: service }, { volumes: { data: {} } }), "next-door");
  await neighbour.up();
  before = await inventory();
}, 60_000);

afterEach(async () => {
  expect(await inventory()).toEqual(before);
});

test("the neighbour of all this is there, and can be asked", async () => {
  expect(before).toMatchObject({ instances: [expect.stringMatching(/^next-door-neighbour-1 \d+ 0$/)] });
  expect(await neighbour.sh("neighbour", "echo undisturbed")).toBe("undisturbed");
});

interface Refusal {
  code: string;
  says?: RegExp;
  exitCode?: number;
}

/** An error that a person can act on: its code, what it says, and a remedy after the arrow. */
function expectRefusal({ exitCode, stderr }: CommandResult, { code, says = /./, exitCode: expected = 125 }: Refusal): void {
  expect(stderr).toContain(`[${code}]`);
  expect(stderr).toMatch(says);
  expect(stderr).toMatch(/^ {2}→ .{10,}/m);
  expect(exitCode).toBe(expected);
}

const run = (...args: string[]): Promise<CommandResult> => platform().slipway(["run", "--rm", ...args]);

/** `up` of a project that is then taken down, come what may: only what is left after that counts. */
async function tryUp(compose: string): Promise<CommandResult & { project: TestProject }> {
  const project = await platform().compose(compose);
  return { ...(await project.tryUp()), project };
}

test.each<[string, string, Refusal]>([
  [
    "a YAML error",
    "services:\n  web:\n    image: [host\n",
    { code: "SLIPWAY_COMPOSE_YAML", says: /compose\.yaml:\d+:\d+/ },
  ],
  [
    "an unknown key, with the key that was meant",
    "services:\n  web:\n    imgae: host\n",
    { code: "SLIPWAY_COMPOSE_UNKNOWN_KEY", says: /compose\.yaml:3:5[\s\S]*image/ },
  ],
  [
    "a key that would not be enforced",
    "services:\n  web:\n    image: host\n    privileged: true\n",
    { code: "SLIPWAY_COMPOSE_KEY_NOT_ENFORCED", says: /compose\.yaml:4:5/ },
  ],
  [
    "a cycle in depends_on",
    "services:\n  a: {image: host, depends_on: [b]}\n  b: {image: host, depends_on: [a]}\n",
    { code: "SLIPWAY_COMPOSE_CYCLE", says: /compose\.yaml:\d+:\d+/ },
  ],
  [
    "a memory limit below what the kernel takes",
    "services:\n  web:\n    image: host\n    mem_limit: 1k\n",
    { code: "SLIPWAY_COMPOSE_VALUE", says: /minimum of 6m[\s\S]*compose\.yaml:4/ },
  ],
  [
    "a service's name that climbs",
    'services:\n  "../up":\n    image: host\n',
    { code: "SLIPWAY_COMPOSE_NAME", says: /compose\.yaml:2:3/ },
  ],
  [
    "a volume's name that climbs",
    'services:\n  web:\n    image: host\nvolumes:\n  "../../etc": {}\n',
    { code: "SLIPWAY_COMPOSE_NAME", says: /compose\.yaml:5:3/ },
  ],
])("a Compose file with %s is refused at its place", async (_what, content, refusal) => {
  expectRefusal(await tryUp(content), refusal);
});

test("a project's name that climbs is refused", async () => {
  const project = await platform().compose(composeFile({ web: shellService("true") }));
  expectRefusal(await platform().slipway(["up", "-d", "-f", project.file, "-p", "../x"]), { code: "SLIPWAY_COMPOSE_NAME" });
});

test.each<[string, string[], Refusal]>([
  ["that is not there ends with 127", ["no-such-command"], { code: "SLIPWAY_CONTAINER_COMMAND_NOT_FOUND", exitCode: 127 }],
  [
    "whose path is not there ends with 127",
    ["/no/such/command"],
    { code: "SLIPWAY_CONTAINER_COMMAND_NOT_FOUND", says: /\/no\/such\/command/, exitCode: 127 },
  ],
  [
    "that is not executable ends with 126",
    ["/etc/passwd"],
    { code: "SLIPWAY_CONTAINER_COMMAND_NOT_EXECUTABLE", says: /\/etc\/passwd/, exitCode: 126 },
  ],
])("a command %s", async (_what, command, refusal) => {
  expectRefusal(await run("host", ...command), refusal);
});

test("a script without an interpreter line is not executable: 126", async () => {
  const folder = await platform().scratch("script");
  await writeFile(join(folder, "script"), "echo no interpreter\n");
  await chmod(join(folder, "script"), 0o755);
  const refused = await run("-v", `${folder}:/it:ro`, "host", "/it/script");
  expectRefusal(refused, { code: "SLIPWAY_CONTAINER_COMMAND_NOT_EXECUTABLE", exitCode: 126 });
});

test("a command in a Compose file that is not there fails its service alone, saying why", async () => {
  const { project, ...refused } = await tryUp(
    composeFile({ good: shellService("exec sleep 1000"), bad: { image: "host", command: ["no-such-command"] } }),
  );
  expectRefusal(refused, { code: "SLIPWAY_CONTAINER_COMMAND_NOT_FOUND", says: /bad: .*no-such-command/, exitCode: 1 });
  expect((await project.instance("good")).state).toBe("running");
  expect(await project.instance("bad")).toMatchObject({ state: "failed", exitCode: 127 });
  await project.down();
});

test("a memory limit that no process fits in ends the launch and is told", async () => {
  expectRefusal(await run("--memory", "1k", "host", "true"), { code: "SLIPWAY_CLI_USAGE", says: /memory/ });
});

test("a container that never becomes healthy fails `up --wait`, and `down` takes it away", async () => {
  const healthcheck = { test: ["CMD", "false"], interval: "100ms", retries: 2, start_period: "0s" };
  const { project, ...refused } = await tryUp(composeFile({ sick: shellService("exec sleep 1000", { healthcheck }) }));
  expectRefusal(refused, { code: "SLIPWAY_CLI_NOT_READY", says: /sick: .*unhealthy/, exitCode: 1 });
  await project.down();
});

test("what waits for a container that never becomes healthy is said not to start", async () => {
  const healthcheck = { test: ["CMD", "false"], interval: "100ms", retries: 2, start_period: "0s" };
  const { project, ...refused } = await tryUp(
    composeFile({
      sick: shellService("exec sleep 1000", { healthcheck }),
      waiting: shellService("exec sleep 1000", { depends_on: { sick: { condition: "service_healthy" } } }),
    }),
  );
  expectRefusal(refused, { code: "SLIPWAY_CLI_NOT_READY", says: /waiting: .*sick/, exitCode: 1 });
  await project.down();
});

let occupied: Server;
beforeAll(async () => {
  occupied = createServer().listen(0, "0.0.0.0");
  await once(occupied, "listening");
});
afterAll(() => void occupied.close());

test("a published port that a program of the host has is told by its number", async () => {
  const { port } = occupied.address() as { port: number };
  const refused = await run("-p", `${port}:80`, "host", "true");
  expect(refused.stderr).toContain(String(port));
  expectRefusal(refused, { code: "SLIPWAY_NETWORK_PORT_IN_USE" });
});

test("a published port that another project has is refused before anything is made", async () => {
  const port = await freePort();
  const first = await platform().compose(composeFile({ one: shellService("exec sleep 1000", { ports: [`${port}:80`] }) }));
  await first.up();
  const second = await tryUp(composeFile({ two: shellService("exec sleep 1000", { ports: [`${port}:80`] }) }));
  expectRefusal(second, { code: "SLIPWAY_API_PORT_CONFLICT", says: new RegExp(`${port}`) });
  await first.down();
});

test("an image that does not exist is told with its name and registry", async () => {
  await using registry = await startRegistry();
  const name = `${registry.host}/nothing/here:1`;
  expectRefusal(await run(name, "true"), { code: "SLIPWAY_IMAGE_NOT_FOUND", says: /nothing\/here/ });
  expectRefusal(await platform().slipway(["image", "pull", name]), { code: "SLIPWAY_IMAGE_NOT_FOUND" });
});

test("a registry that is down is told with its address", async () => {
  const name = `127.0.0.1:${await freePort()}/app:1`;
  expectRefusal(await platform().slipway(["image", "pull", name]), {
    code: "SLIPWAY_IMAGE_REGISTRY_UNREACHABLE",
    says: /127\.0\.0\.1/,
  });
});

test("a name that is no image's is refused", async () => {
  expectRefusal(await run("../../etc/passwd", "true"), { code: "SLIPWAY_IMAGE_INVALID_REFERENCE" });
});

test("a registry that lies about a digest is caught, and nothing of it stays", async () => {
  const image = smallImage([await tarOf([{ name: "bin/hello", content: "hello" }])]);
  await using registry = await startLyingRegistry(image, {
    blob: ({ digest, body, response }) => {
      if (digest !== image.layers[0]) return false;
      const lie = Buffer.from(body);
      lie[lie.length - 1]! ^= 1;
      response.end(lie);
      return true;
    },
  });
  expectRefusal(await platform().slipway(["image", "pull", `${registry.host}/liar:1`]), {
    code: "SLIPWAY_IMAGE_DIGEST_MISMATCH",
    says: /sha256:/,
  });
});

test.each([
  ["a path that climbs", [{ name: "../../escaped", content: "x" }]],
  [
    "a symbolic link that climbs",
    [
      { name: "out", type: "symlink" as const, linkname: "../../../.." },
      { name: "out/escaped", content: "x" },
    ],
  ],
])("a layer with %s is refused or kept in its root", async (_what, entries) => {
  const image = smallImage([await tarOf(entries)]);
  await using registry = await startLyingRegistry(image);
  const name = `${registry.host}/climber:1`;
  const refused = await platform().slipway(["image", "pull", name]);
  expectRefusal(refused, { code: "SLIPWAY_IMAGE_LAYER_ESCAPES", says: /out\/escaped|\.\.\/escaped/ });
});

test("an instance, a volume and a network that are not there are refused, with what there is", async () => {
  expectRefusal(await platform().slipway(["exec", "nobody", "true"]), { code: "SLIPWAY_CLI_NOT_FOUND", says: /neighbour/ });
  expectRefusal(await platform().slipway(["volume", "inspect", "nothing"]), { code: "SLIPWAY_API_VOLUME_UNKNOWN" });
  expectRefusal(await platform().slipway(["network", "inspect", "nothing"]), { code: "SLIPWAY_API_NETWORK_UNKNOWN" });
});

test("errors are problem details with -o json", async () => {
  const project = await platform().compose("services:\n  web:\n    imgae: host\n");
  const { stderr, exitCode } = await platform().slipway(["up", "-f", project.file, "-o", "json"]);
  expect(exitCode).toBe(125);
  expect(JSON.parse(stderr)).toMatchObject({
    code: "SLIPWAY_COMPOSE_UNKNOWN_KEY",
    place: { file: expect.stringContaining("compose.yaml"), line: 3, column: 5 },
    remedy: expect.stringMatching(/./),
  });
});
