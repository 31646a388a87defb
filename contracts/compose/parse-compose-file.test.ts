import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "../parse.ts";
import { ProjectSpec } from "../project-spec.ts";
import type { ServiceSpec } from "../service-spec.ts";
import { ComposeFileError } from "./errors.ts";
import { type ComposeSource, parseComposeFile } from "./parse-compose-file.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "slipway-compose-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const read = (text: string, more: Partial<ComposeSource> = {}): ProjectSpec =>
  parse(ProjectSpec, parseComposeFile({ text, directory, environment: {}, projectName: "p", ...more }), "project");

/** A file of one service with these lines. */
const service = (...lines: string[]): string =>
  ["services:", "  web:", "    image: host", ...lines.map((line) => `    ${line}`)].join("\n");
const readService = (...lines: string[]): ServiceSpec => read(service(...lines)).services.web!;

function failures(
  text: string,
  more: Partial<ComposeSource> = {},
): { code: string; at: string; message: string; remedy: string }[] {
  try {
    read(text, more);
  } catch (error) {
    if (!(error instanceof ComposeFileError)) throw error;
    return error.errors.map(({ code, message, remedy, place }) => ({
      code: code.replace("SLIPWAY_COMPOSE_", ""),
      at: `${place?.line}:${place?.column}`,
      message,
      remedy,
    }));
  }
  return [];
}

describe("a service", () => {
  test("needs only an image, and then has docker compose's defaults", () => {
    expect(readService()).toEqual({
      name: "web",
      image: "host",
      environment: {},
      ports: [],
      expose: [],
      mounts: [],
      networks: [{ name: "default", aliases: [] }],
      dependsOn: {},
      healthcheckDisabled: false,
      restart: { name: "no" },
      stopGracePeriodMs: 10_000,
      readOnly: false,
      capAdd: [],
      capDrop: [],
      limits: {},
      labels: {},
      init: false,
      replicas: 1,
      slipway: { routes: [], publishes: [], subscribes: [], requests: [], serves: [] },
    });
  });

  test("splits a command as a shell does and runs no shell", () => {
    expect(readService(`command: sh -c "echo 'a b' $$HOME" c\\ d`).command).toEqual([
      "sh",
      "-c",
      "echo 'a b' $HOME",
      "c d",
    ]);
    expect(readService("command: [node, /app/main.js]", "entrypoint: []")).toMatchObject({
      command: ["node", "/app/main.js"],
      entrypoint: [],
    });
  });

  test("takes environment as a map or a list, with the shell's value for a bare name", () => {
    const environment = { HOME_TOWN: "Kyiv" };
    const map = read(service("environment:", "  A: 1.10", "  B: true", "  HOME_TOWN:", "  GONE:", "  E: ''"), {
      environment,
    });
    expect(map.services.web!.environment).toEqual({ A: "1.10", B: "true", HOME_TOWN: "Kyiv", E: "" });
    const list = read(service("environment: [A=1=2, HOME_TOWN, GONE]"), { environment });
    expect(list.services.web!.environment).toEqual({ A: "1=2", HOME_TOWN: "Kyiv" });
  });

  test("reads env files in order, with environment over them", () => {
    writeFileSync(join(directory, "one.env"), "A=1\nB=1\nC=1\n");
    writeFileSync(join(directory, "two.env"), "B=2\nC='$A'\n");
    const spec = readService(
      "env_file: [one.env, {path: two.env}, {path: absent.env, required: false}]",
      "environment: {A: '3'}",
    );
    expect(spec.environment).toEqual({ A: "3", B: "2", C: "$A" });
  });

  test("reads ports short and long, with ranges and addresses", () => {
    expect(readService("ports: ['8000-8001:80-81', '127.0.0.1::90', '[::1]:53:53/udp', 3000]").ports).toEqual([
      { hostIp: "0.0.0.0", hostPort: 8000, containerPort: 80, protocol: "tcp" },
      { hostIp: "0.0.0.0", hostPort: 8001, containerPort: 81, protocol: "tcp" },
      { hostIp: "127.0.0.1", hostPort: 0, containerPort: 90, protocol: "tcp" },
      { hostIp: "::1", hostPort: 53, containerPort: 53, protocol: "udp" },
      { hostIp: "0.0.0.0", hostPort: 0, containerPort: 3000, protocol: "tcp" },
    ]);
    expect(
      readService("ports:", "  - {target: 80, published: '8080', host_ip: 127.0.0.1, protocol: udp, mode: host}").ports,
    ).toEqual([{ hostIp: "127.0.0.1", hostPort: 8080, containerPort: 80, protocol: "udp" }]);
    expect(
      readService("expose: [3000, '4000-4001', 53/udp]").expose.map(({ port, protocol }) => `${port}/${protocol}`),
    ).toEqual(["3000/tcp", "4000/tcp", "4001/tcp", "53/udp"]);
  });

  test("reads volumes short and long, with binds relative to the file's folder", () => {
    const text = `${service(
      "volumes:",
      "  - data:/data",
      "  - ./html:/srv/html:ro,rslave",
      "  - ~/x:/x",
      "  - /anonymous",
      "  - {type: bind, source: ../up, target: /up, read_only: true, bind: {create_host_path: false, propagation: shared}}",
      "  - {type: volume, source: data, target: /again}",
      "  - {type: tmpfs, target: /t, tmpfs: {size: 64m, mode: 0755}}",
      "tmpfs: /run:size=1m,mode=1777",
    )}\nvolumes: {data: }`;
    expect(read(text).services.web!.mounts).toEqual([
      { type: "volume", volume: "data", target: "/data", readOnly: false },
      {
        type: "bind",
        source: join(directory, "html"),
        target: "/srv/html",
        readOnly: true,
        createHostPath: true,
        propagation: "rslave",
      },
      { type: "bind", source: join(homedir(), "x"), target: "/x", readOnly: false, createHostPath: true },
      { type: "volume", volume: "", target: "/anonymous", readOnly: false },
      {
        type: "bind",
        source: join(directory, "../up"),
        target: "/up",
        readOnly: true,
        createHostPath: false,
        propagation: "shared",
      },
      { type: "volume", volume: "data", target: "/again", readOnly: false },
      { type: "tmpfs", target: "/t", sizeBytes: 64 * 1024 ** 2, mode: 0o755 },
      { type: "tmpfs", target: "/run", sizeBytes: 1024 ** 2, mode: 0o1777 },
    ]);
  });

  test("reads a health check in its three forms, and switches the image's own off", () => {
    const check = readService(
      "healthcheck: {test: curl -f localhost, interval: 1m30s, timeout: 500ms, retries: 5, start_period: 2s, start_interval: 1s}",
    );
    expect(check.healthcheck).toEqual({
      test: ["CMD-SHELL", "curl -f localhost"],
      intervalMs: 90_000,
      timeoutMs: 500,
      startPeriodMs: 2000,
      startIntervalMs: 1000,
      retries: 5,
    });
    expect(readService("healthcheck: {test: [CMD, 'true']}").healthcheck).toMatchObject({
      test: ["CMD", "true"],
      intervalMs: 30_000,
      retries: 3,
    });
    expect(readService("healthcheck: {test: [NONE]}")).toMatchObject({ healthcheckDisabled: true });
    expect(readService("healthcheck: {disable: true}").healthcheck).toBeUndefined();
  });

  test("reads limits from both places, and 0 and -1 as none", () => {
    expect(readService("mem_limit: 1.5g", "cpus: '0.5'", "pids_limit: 50").limits).toEqual({
      memoryBytes: 1.5 * 1024 ** 3,
      cpus: 0.5,
      pids: 50,
    });
    expect(readService("deploy: {replicas: 3, resources: {limits: {memory: 64M, cpus: 2, pids: 9}}}")).toMatchObject({
      replicas: 3,
      limits: { memoryBytes: 64 * 1024 ** 2, cpus: 2, pids: 9 },
    });
    expect(readService("mem_limit: 0", "pids_limit: -1").limits).toEqual({ pids: -1 });
  });

  test("reads the rest of a process's settings", () => {
    const spec = readService(
      "user: 1000:1000",
      "working_dir: /app",
      "hostname: web-1",
      "container_name: the-web",
      "restart: on-failure:3",
      "stop_signal: int",
      "stop_grace_period: 1m",
      "read_only: true",
      "init: true",
      "cap_add: [CAP_NET_ADMIN, sys_time]",
      "cap_drop: [all]",
      "labels: [a=1, b]",
    );
    expect(spec).toMatchObject({
      user: "1000:1000",
      workingDir: "/app",
      hostname: "web-1",
      containerName: "the-web",
      restart: { name: "on-failure", maximumRetryCount: 3 },
      stopSignal: "SIGINT",
      stopGracePeriodMs: 60_000,
      readOnly: true,
      init: true,
      capAdd: ["NET_ADMIN", "SYS_TIME"],
      capDrop: ["ALL"],
      labels: { a: "1", b: "" },
    });
    expect(readService("restart: no").restart).toEqual({ name: "no" });
  });

  test("reads x-slipway: one route or several, and subjects", () => {
    const spec = readService(
      "x-slipway:",
      "  route: {host: Shop.localhost, port: 8080}",
      "  publishes: [orders.placed]",
      "  serves: ['orders.*', 'a.>']",
    );
    expect(spec.slipway).toEqual({
      routes: [{ host: "shop.localhost", path: "/", port: 8080 }],
      publishes: ["orders.placed"],
      subscribes: [],
      requests: [],
      serves: ["orders.*", "a.>"],
    });
    expect(
      readService("x-slipway: {route: [{host: a.b, port: 1, path: /x/}, {host: '*.b', port: '2'}]}").slipway.routes,
    ).toEqual([
      { host: "a.b", path: "/x", port: 1 },
      { host: "*.b", path: "/", port: 2 },
    ]);
  });
});

describe("a project", () => {
  test("is named by -p, COMPOSE_PROJECT_NAME, name, then the directory", () => {
    const file = `name: from-file\n${service()}`;
    const environment = { COMPOSE_PROJECT_NAME: "from-shell" };
    const nameOf = (more: Partial<ComposeSource>, text = file): string =>
      parseComposeFile({ text, directory, environment: {}, ...more }).name;
    expect(nameOf({ projectName: "from-flag", environment })).toBe("from-flag");
    expect(nameOf({ environment })).toBe("from-shell");
    expect(nameOf({})).toBe("from-file");
    expect(nameOf({ directory: "/srv/My Shop.v2" }, service())).toBe("myshopv2");
  });

  test("has the network default only when a service is on it", () => {
    expect(Object.keys(read(service()).networks)).toEqual(["default"]);
    const text = `${service("networks: {back: {aliases: [db.internal]}}")}\nnetworks: {back: {internal: true, labels: {a: b}}}`;
    expect(read(text)).toMatchObject({
      networks: { back: { name: "back", internal: true, labels: { a: "b" } } },
      services: { web: { networks: [{ name: "back", aliases: ["db.internal"] }] } },
    });
    expect(readService("networks: {}").networks).toEqual([]);
  });

  test("has its volumes with driver and options", () => {
    const text = `${service()}\nvolumes:\n  data:\n  fast: {driver: tmpfs, driver_opts: {size: 64m}, labels: [x=y]}`;
    expect(read(text).volumes).toEqual({
      data: { name: "data", driver: "local", driverOptions: {}, labels: {} },
      fast: { name: "fast", driver: "tmpfs", driverOptions: { size: "64m" }, labels: { x: "y" } },
    });
  });

  test("keeps the three conditions of depends_on, and drops what is neither required nor there", () => {
    const text = `services:
  a: {image: host, depends_on: [b]}
  b:
    image: host
    depends_on:
      c: {condition: service_healthy, restart: true}
      d: {condition: service_completed_successfully}
      ghost: {condition: service_started, required: false}
  c: {image: host}
  d: {image: host}`;
    expect(read(text).services.a!.dependsOn).toEqual({
      b: { condition: "service_started", required: true, restart: false },
    });
    expect(read(text).services.b!.dependsOn).toEqual({
      c: { condition: "service_healthy", required: true, restart: true },
      d: { condition: "service_completed_successfully", required: true, restart: false },
    });
  });

  test("takes anchors, merges and x- keys", () => {
    const text = `x-base: &base
  restart: always
  environment: &env {A: '1', B: '1'}
services:
  web:
    <<: *base
    image: host
    x-mine: {anything: [goes]}
    environment: {<<: *env, B: '2'}
  job: {<<: [{restart: 'no'}, *base], image: host}`;
    expect(read(text).services).toMatchObject({
      web: { restart: { name: "always" }, environment: { A: "1", B: "2" } },
      job: { restart: { name: "no" }, environment: { A: "1", B: "1" } },
    });
  });

  test("is interpolated, with the shell's variables over those of .env", () => {
    const folder = mkdtempSync(join(directory, "env-"));
    writeFileSync(join(folder, ".env"), "TAG=1.0\nPORT=8080 # the port\nWHO=${SHELL_ONLY}\n");
    const environment = { TAG: "2.0", SHELL_ONLY: "me" };
    const text = service(
      "image: shop:${TAG}".replace("image", "hostname"),
      "labels: {who: $WHO, p: '${COMPOSE_PROJECT_NAME}'}",
      "ports: ['${PORT}:80']",
    )
      .replace("shop:${TAG}", "shop")
      .replace("image: host", "image: shop:${TAG}");
    const spec = read(text, { directory: folder, environment }).services.web!;
    expect(spec).toMatchObject({
      image: "shop:2.0",
      labels: { who: "me", p: "p" },
      ports: [{ hostPort: 8080, containerPort: 80 }],
    });
  });

  test("warns of an obsolete version and of variables that are not set", () => {
    const warnings: string[] = [];
    read(`version: "3.9"\n${service("labels: {a: '${NOT_SET}'}")}`, { onWarning: ({ message }) => warnings.push(message) });
    expect(warnings).toEqual([
      "the variable NOT_SET is not set: an empty string stands for it",
      "`version` is obsolete in the Compose Specification and is not used",
    ]);
  });
});

describe("a mistake is refused with its place:", () => {
  test.each([
    ["an unknown key, with the one that was meant", service("comand: x"), "UNKNOWN_KEY", "4:5", 'Did you mean "command"?'],
    [
      "a key in the wrong place",
      service("replicas: 2"),
      "UNKNOWN_KEY",
      "4:5",
      "Its place is services.<name>.deploy.replicas.",
    ],
    ["a key of the specification that is not enforced", service("privileged: true"), "KEY_NOT_ENFORCED", "4:5", "cap_add"],
    ["a nested key", service("healthcheck: {test: x, intervall: 1s}"), "UNKNOWN_KEY", "4:28", '"interval"'],
    ["a key in a list", service("ports:", "  - {target: 80, publishd: 1}"), "UNKNOWN_KEY", "5:22", '"published"'],
    ["a slip beside x-slipway", service("x-slipwya: {}"), "UNKNOWN_KEY", "4:5", '"x-slipway"'],
    ["a part of x-slipway that is not there yet", service("x-slipway: {workflows: []}"), "KEY_NOT_ENFORCED", "4:17", ""],
    ["build", "services: {web: {build: .}}", "KEY_NOT_ENFORCED", "1:18", "builds no images"],
    ["no image", "services: {web: {restart: always}}", "IMAGE_MISSING", "1:17", "image: host"],
    ["a YAML error", "services:\n  web: {image: host\n", "YAML", "3:1", ""],
    ["a key twice", service("user: a", "user: b"), "YAML", "5:5", ""],
    ["an alias without an anchor", service("labels: *none"), "YAML", "4:13", ""],
    ["a value that holds itself", "x-a: &a {b: *a}\nservices: {web: {image: host}}", "YAML", "1:13", ""],
    ["a tag", service("labels: !reset null"), "YAML", "4:20", ""],
    ["two documents", `${service()}\n---\na: b`, "YAML", "4:1", ""],
    ["a list where a map belongs", "services: []", "TYPE", "1:11", ""],
    ["a map where a value belongs", service("user: {a: b}"), "TYPE", "4:11", ""],
    ["no services", "name: x", "NO_SERVICES", "1:1", ""],
    ["a cycle", "services:\n  a: {image: host, depends_on: [b]}\n  b: {image: host, depends_on: [a]}", "CYCLE", "2:20", ""],
    ["a service that is not there", service("depends_on: [wbe]"), "UNDEFINED", "4:5", 'Did you mean "web"?'],
    ["a network that is not there", service("networks: [back]"), "UNDEFINED", "4:5", "Declare it"],
    ["a volume that is not there", service("volumes: ['data:/d']"), "UNDEFINED", "4:5", "Declare it"],
    ["a host port twice", service("ports: ['80:1', '127.0.0.1:80:2']"), "CONFLICT", "4:5", ""],
    ["a host port for several replicas", service("ports: ['80:1']", "deploy: {replicas: 2}"), "CONFLICT", "4:5", ""],
    ["container_name with replicas", service("container_name: x", "deploy: {replicas: 2}"), "CONFLICT", "4:21", ""],
    ["two mounts on one target", service("tmpfs: [/a, /a/]"), "CONFLICT", "4:17", ""],
    [
      "limits that differ",
      service("mem_limit: 10m", "deploy: {resources: {limits: {memory: 20m}}}"),
      "CONFLICT",
      "5:43",
      "",
    ],
    ["a memory limit that is too low", service("mem_limit: 5m"), "VALUE", "4:16", ""],
    ["a duration without a unit", service("stop_grace_period: 30"), "VALUE", "4:24", ""],
    ["a size that is none", service("mem_limit: lots"), "VALUE", "4:16", ""],
    ["a port that is none", service("ports: [99999]"), "VALUE", "4:13", ""],
    ["ranges of ports that differ", service("ports: ['1-3:1-2']"), "VALUE", "4:13", ""],
    ["a signal that is none", service("stop_signal: SIGTEMR"), "VALUE", "4:18", ""],
    ["a capability that is none", service("cap_add: [NET_ADMNI]"), "VALUE", "4:15", ""],
    ["a service name that climbs", "services: {'../x': {image: host}}", "NAME", "1:12", ""],
    ["a container name that climbs", service("container_name: ../x"), "NAME", "4:21", ""],
    ["a volume name that climbs", service("volumes: ['a/../b:/d']"), "VALUE", "4:15", "a path starts"],
    ["a project name that climbs", `name: ../x\n${service()}`, "NAME", "1:7", ""],
    ["a subject that is none", service("x-slipway: {publishes: [orders..placed]}"), "VALUE", "4:29", ""],
    ["a reserved subject", service("x-slipway: {publishes: [$$JS.API.>]}"), "VALUE", "4:29", ""],
    ["a route without a port", service("x-slipway: {route: {host: a.b}}"), "VALUE", "4:24", ""],
    ["a dependency's condition", service("depends_on: {web: {condition: service_ready}}"), "VALUE", "4:35", ""],
    ["an expression that is not closed", service('hostname: "a${B"'), "INTERPOLATION", "4:17", ""],
    ["a variable that is required", service("hostname: ${B:?name it}"), "VARIABLE_REQUIRED", "4:15", ""],
    ["an env file that is not there", service("env_file: gone.env"), "ENV_FILE", "4:15", ""],
  ])("%s", (_, text, code, at, hint) => {
    const projectName = text.startsWith("name: ../x") ? {} : { projectName: "p" };
    const [first, ...rest] = failures(text, { projectName: undefined as never, ...projectName });
    expect(rest).toEqual([]);
    expect(first).toMatchObject({ code, at });
    expect(`${first!.message} ${first!.remedy}`).toContain(hint);
  });

  test("a cycle is named", () => {
    const text =
      "services:\n  a: {image: host, depends_on: [b]}\n  b: {image: host, depends_on: [c]}\n  c: {image: host, depends_on: [b]}";
    expect(failures(text)[0]!.message).toContain("b → c → b");
  });

  test("all mistakes are reported, in the order of their lines, and the first decides the code", () => {
    const text = service("mem_limit: 1m", "comand: x", "ports: [0]");
    expect(failures(text).map(({ code, at }) => `${code} ${at}`)).toEqual(["VALUE 4:16", "UNKNOWN_KEY 5:5", "VALUE 6:13"]);
    expect(() => read(text)).toThrow(
      expect.objectContaining({ code: "SLIPWAY_COMPOSE_VALUE", exitCode: 125, status: 400 }),
    );
  });

  test("an env file's mistake is shown in the env file", () => {
    const path = join(directory, "bad.env");
    writeFileSync(path, "A=1\nB='open\n");
    expect(() => read(service("env_file: bad.env"))).toThrow(
      expect.objectContaining({ place: { file: path, line: 2, column: 1 } }),
    );
  });

  test("a file that is not there is named", () => {
    expect(() => parseComposeFile({ path: join(directory, "none.yaml"), environment: {} })).toThrow(
      expect.objectContaining({ code: "SLIPWAY_COMPOSE_FILE_UNREADABLE", message: expect.stringContaining("none.yaml") }),
    );
  });

  test("values nested without end are refused, not a crash", () => {
    expect(failures("a: ".concat("[".repeat(50_000)))[0]!.code).toBe("YAML");
  });
});
