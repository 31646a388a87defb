import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { PACKAGE_ROOT } from "#contracts/process-entry.ts";
import { type CommandResult, RunningCommand } from "./command.ts";

// Mistakes in a file are found before the server is asked: none runs here.
const folder = mkdtempSync(join(tmpdir(), "slipway-files"));
const file = join(folder, "compose.yaml");
afterAll(() => rmSync(folder, { recursive: true }));

async function up(content: string): Promise<CommandResult> {
  writeFileSync(file, content);
  await using command = new RunningCommand(join(PACKAGE_ROOT, "slipway"), ["up", "-f", file, "-d"], {
    env: { SLIPWAY_HOME: join(folder, "home") },
  });
  return await command.result;
}

/** Each mistake, the message and code, and where it stands. */
const MISTAKES: [what: string, content: string, message: RegExp, place: string][] = [
  ["YAML that is none", "services:\n  web: [unclosed\n", /SLIPWAY_COMPOSE_YAML/, "3:1"],
  [
    "an unknown key, with the one that was meant",
    "services:\n  web:\n    image: host\n    enviroment: {}\n",
    /enviroment.*SLIPWAY_COMPOSE_\w+\][^→]*→.*environment/s,
    "4:5",
  ],
  [
    "a key of the specification that is not enforced",
    "services:\n  web:\n    image: host\n    privileged: true\n",
    /privileged.*SLIPWAY_COMPOSE_\w+/,
    "4:5",
  ],
  [
    "a cycle in depends_on, with its way round",
    "services:\n  a: { image: host, depends_on: [b] }\n  b: { image: host, depends_on: [c] }\n  c: { image: host, depends_on: [a] }\n",
    /a → b → c → a.*SLIPWAY_COMPOSE_CYCLE/,
    "2:",
  ],
  [
    "a dependency that is not there",
    "services:\n  web: { image: host, depends_on: [dp] }\n  db: { image: host }\n",
    /dp.*SLIPWAY_COMPOSE_\w+/,
    "2:23",
  ],
  ["a service without an image", "services:\n  web:\n    command: [true]\n", /web.*image.*SLIPWAY_COMPOSE_\w+/, "3:5"],
  [
    "a port that is none",
    'services:\n  web:\n    image: host\n    ports: ["80:99999"]\n',
    /99999.*SLIPWAY_COMPOSE_\w+/,
    "4:13",
  ],
  [
    "a memory limit below what the kernel takes",
    "services:\n  web:\n    image: host\n    mem_limit: 1m\n",
    /1m.*minimum of 6m.*SLIPWAY_COMPOSE_\w+/,
    "4:16",
  ],
  [
    "a volume that is not declared",
    'services:\n  web:\n    image: host\n    volumes: ["data:/data"]\n',
    /data.*SLIPWAY_COMPOSE_\w+/,
    "4:5",
  ],
  [
    "a variable that must be set",
    'services:\n  web:\n    image: "${IMAGE:?name the image}"\n',
    /IMAGE.*name the image.*SLIPWAY_COMPOSE_\w+/,
    "3:13",
  ],
  [
    "an env_file that is not there",
    "services:\n  web:\n    image: host\n    env_file: absent.env\n",
    /absent\.env.*SLIPWAY_COMPOSE_\w+/,
    "4:15",
  ],
  [
    "a duration that is none",
    "services:\n  web:\n    image: host\n    stop_grace_period: soon\n",
    /soon.*SLIPWAY_COMPOSE_\w+/,
    "4:24",
  ],
];

test.for(MISTAKES)("%s is refused with its place", async ([, content, message, place]) => {
  const { exitCode, stdout, stderr } = await up(content);
  expect(exitCode).toBe(125);
  expect(stdout).toBe("");
  expect(stderr).toMatch(message);
  expect(stderr).toContain(`  ${file}:${place}`);
  expect(stderr.match(/\n {2}→ \S/g)).toHaveLength(1);
});

test("all mistakes of a file are reported at once", async () => {
  const { exitCode, stderr } = await up("services:\n  a: { image: host, prots: [] }\n  b: { image: host, cpus: many }\n");
  expect(exitCode).toBe(125);
  expect(stderr).toMatch(/compose\.yaml:2:\d+[^]*compose\.yaml:3:\d+/);
});

test("a file that is right is sent to the server, and says how to start one that does not run", async () => {
  const { exitCode, stderr } = await up("services:\n  web: { image: host, command: [true] }\n");
  expect(exitCode).toBe(125);
  expect(stderr).toMatch(/no server answers.*SLIPWAY_CLI_SERVER_NOT_RUNNING\]\n {2}→ Start it with `slipway server`/);
});

test("without a file up says where it looked", async () => {
  await using command = new RunningCommand(
    join(PACKAGE_ROOT, "slipway"),
    ["up", "-d", "-f", join(folder, "none.yaml")],
    {},
  );
  const { exitCode, stderr } = await command.result;
  expect(exitCode).toBe(125);
  expect(stderr).toMatch(/none\.yaml.*SLIPWAY_\w+/);
});
