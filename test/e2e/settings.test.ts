import { expect, test } from "vitest";
import type { ServiceSpec } from "#contracts/service-spec.ts";
import { usePlatform } from "./use-platform.ts";

const platform = usePlatform();
const SLEEP = "image: host\n    init: true\n    command: [sleep, infinity]";

test("environment, env_file, .env, the shell and interpolation come together as the specification says", async () => {
  const project = await platform().compose({
    "compose.yaml": `
services:
  app:
    ${SLEEP}
    env_file: [first.env, { path: second.env }, { path: absent.env, required: false }]
    environment:
      OWN: own
      INTERPOLATED: "\${FROM_DOTENV}-\${ABSENT:-default}-\${SHELL_WINS}"
      DOLLAR: "$$HOME"
      FROM_SHELL:
`,
    ".env": "FROM_DOTENV=dotenv\nSHELL_WINS=dotenv\n",
    "first.env": "A=first\nB=first\nOWN=file\n",
    "second.env": "B=second\nQUOTED='with $pace'\n",
  });
  await project.up({ env: { FROM_SHELL: "shell", SHELL_WINS: "shell" } });
  const names = ["A", "B", "OWN", "QUOTED", "INTERPOLATED", "DOLLAR", "FROM_SHELL"];
  const values = await project.sh("app", names.map((name) => `echo "$${name}"`).join("; "));
  expect(values.split("\n")).toEqual(["first", "second", "own", "with $pace", "dotenv-default-shell", "$HOME", "shell"]);
  await project.down();
});

test("what a service says of its process is what the process sees", async () => {
  const project = await platform().compose(`
x-base: &base
  image: host
  init: true
  environment: { SHARED: yes }
services:
  app:
    <<: *base
    container_name: the-app
    hostname: apphost
    working_dir: /var/tmp
    user: "1000:50"
    read_only: true
    tmpfs: [/tmp]
    cap_drop: [ALL]
    cap_add: [NET_BIND_SERVICE]
    entrypoint: [sh, -c]
    command: ['echo "$$@" >/tmp/args; exec sleep infinity', sh, one, "two words"]
    labels: { team: shop, tier: "1" }
    expose: ["8080"]
`);
  await project.up();
  expect(await project.instance("app")).toMatchObject({ name: "the-app" });
  const look = [
    "cat /tmp/args",
    "hostname",
    "pwd",
    "id -u",
    "id -g",
    "echo $SHARED",
    "touch /x 2>&1",
    "touch /tmp/x && echo written",
  ];
  const [args, hostname, folder, uid, gid, shared, refused, written] = (await project.sh("app", look.join("; "))).split(
    "\n",
  );
  expect([args, hostname, folder, uid, gid, shared, written]).toEqual([
    "one two words",
    "apphost",
    "/var/tmp",
    "1000",
    "50",
    "yes",
    "written",
  ]);
  expect(refused).toContain("Read-only file system");
  const status = await project.sh("app", "grep -E '^(Cap|NoNew|Seccomp:)' /proc/1/status");
  expect(status).toMatch(/CapBnd:\t0000000000000400/);
  expect(status).toMatch(/NoNewPrivs:\t1/);
  expect(status).toMatch(/Seccomp:\t2/);
  const [details] = await platform().json<{ spec: ServiceSpec }[]>(["inspect", "the-app"]);
  expect(details!.spec).toMatchObject({ labels: { team: "shop", tier: "1" }, readOnly: true, containerName: "the-app" });
  await project.down();
});

test("a container_name that another instance has is refused", async () => {
  const file = `services:\n  a:\n    ${SLEEP}\n    container_name: taken\n`;
  const first = await platform().compose(file);
  await first.up();
  const second = await platform().compose(file);
  const { exitCode, stderr } = await second.tryUp();
  expect(exitCode).toBe(125);
  expect(stderr).toMatch(/taken.*SLIPWAY_API_NAME_CONFLICT/);
  expect(await second.ps()).toEqual([]);
  await first.down();
});

test("a project's name is -p, else that of the file, else that of its folder", async () => {
  const service = `services:\n  a:\n    ${SLEEP}\n`;
  const named = await platform().compose(`name: in-the-file\n${service}`, "folder-one");
  const plain = await platform().compose(service, "folder-two");
  await platform().ok(["up", "-d", "-f", named.file]);
  await platform().ok(["up", "-d"], { cwd: plain.folder });
  await platform().ok(["up", "-d", "-f", named.file, "-p", "by-flag"]);
  const projects = new Set((await platform().ps()).map(({ project }) => project));
  expect([...projects].toSorted()).toEqual(["by-flag", "folder-two", "in-the-file"]);
  await platform().ok(["down"], { cwd: plain.folder });
  await platform().ok(["down", "--all"]);
});

test("a service finds the messaging address and credentials that its user may read", async () => {
  const project = await platform().compose(`services:\n  a:\n    ${SLEEP}\n    user: "1000"\n`);
  await project.up();
  const seen = await project.sh("a", 'echo $NATS_URL; head -n1 "$NATS_CREDS"');
  expect(seen).toMatch(/^nats:\/\/10\.\d+\.0\.1:4222\n-----BEGIN NATS USER JWT-----$/);
  await project.down();
});
