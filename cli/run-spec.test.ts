import { homedir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "#contracts/parse.ts";
import { ServiceSpec } from "#contracts/service-spec.ts";
import { parseFlags } from "./arguments/parse-flags.ts";
import { RUN_FLAGS, runSpec } from "./run-spec.ts";
import { defineVerb } from "./verb.ts";

const verb = defineVerb({
  name: "run",
  operands: "IMAGE",
  stopAtOperand: true,
  summary: "",
  flags: RUN_FLAGS,
  run: async () => {},
});

function spec(...args: string[]): ServiceSpec {
  const { flags, operands } = parseFlags(verb, args);
  const [image, ...command] = operands as [string, ...string[]];
  return parse(
    ServiceSpec,
    runSpec({ flags: flags as never, image, command, networks: [], environment: { FROM_SHELL: "s" } }),
    "spec",
  );
}

test("docker's flags make a spec", () => {
  const flags =
    "-e A=1 -e FROM_SHELL -e GONE -v data:/data -v ~/x:/x:ro --tmpfs /run:size=1m -w /app -u 1000 -p 127.0.0.1:8080:80 --memory 64m --cpus 0.5".split(
      " ",
    );
  const more =
    "--pids-limit 10 --cap-add net_admin --cap-drop ALL --read-only --entrypoint /bin/sh --name one --init --stop-signal INT --stop-timeout 3 -l a=b".split(
      " ",
    );
  expect(
    spec(...flags.map((flag) => flag.replace("~", homedir())), ...more, "reg.example/team/app:1.2", "-c", "true"),
  ).toMatchObject({
    name: "app",
    image: "reg.example/team/app:1.2",
    command: ["-c", "true"],
    entrypoint: ["/bin/sh"],
    environment: { A: "1", FROM_SHELL: "s" },
    workingDir: "/app",
    user: "1000",
    containerName: "one",
    ports: [{ hostIp: "127.0.0.1", hostPort: 8080, containerPort: 80, protocol: "tcp" }],
    mounts: [
      { type: "volume", volume: "data", target: "/data", readOnly: false },
      { type: "bind", source: join(homedir(), "x"), target: "/x", readOnly: true },
      { type: "tmpfs", target: "/run", sizeBytes: 1024 ** 2 },
    ],
    limits: { memoryBytes: 64 * 1024 ** 2, cpus: 0.5, pids: 10 },
    capAdd: ["NET_ADMIN"],
    capDrop: ["ALL"],
    readOnly: true,
    init: true,
    stopSignal: "SIGINT",
    stopGracePeriodMs: 3000,
    labels: { a: "b" },
    restart: { name: "no" },
  });
});

test("an image alone has no command and the image's own settings", () => {
  const plain = spec("host");
  expect(plain).not.toHaveProperty("command");
  expect(plain).not.toHaveProperty("entrypoint");
  expect(plain).toMatchObject({ limits: {}, mounts: [], environment: {} });
});

test.each([
  ["--memory 5m", "--memory: a memory limit of 5m"],
  ["-v data", "--volume: the target"],
  ["-p 99999:1", "--publish:"],
  ["--cap-add NET_ADMNI", "did you mean NET_ADMIN?"],
  ["--name ../x", "is no container's name"],
  ["--cpus lots", "--cpus:"],
  ["--env-file /none", "--env-file: ENOENT"],
  ["-w relative", "--workdir:"],
])("%s is a mistake of usage that names the flag", (args, message) => {
  expect(() => spec(...args.split(" "), "host")).toThrow(
    expect.objectContaining({ code: "SLIPWAY_CLI_USAGE", message: expect.stringContaining(message) }),
  );
});
