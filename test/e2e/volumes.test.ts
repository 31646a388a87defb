import { chown, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { VolumeInfo } from "#contracts/api.ts";
import { usePlatform } from "./use-platform.ts";

const platform = usePlatform();
const SLEEP = "command: [sleep, infinity]\n    init: true\n    image: host";

test("a named volume survives down and up, and down -v removes it with its data", async () => {
  const project = await platform().compose(`
services:
  db:
    ${SLEEP}
    volumes: [kept:/data]
volumes: { kept: }
`);
  await project.up();
  await project.sh("db", "echo precious >/data/file");
  const [volume] = await platform().json<VolumeInfo[]>(["volume", "inspect", `${project.name}_kept`]);
  expect(volume).toMatchObject({ project: project.name, driver: "local", usedBy: [(await project.instance("db")).id] });
  expect(await readFile(join(volume!.path!, "file"), "utf8")).toBe("precious\n");
  await project.down();
  expect(await platform().ok(["volume", "ls"])).toContain(`${project.name}_kept`);
  await project.up();
  expect(await project.sh("db", "cat /data/file")).toBe("precious");
  await project.down("-v");
  expect(await platform().ok(["volume", "ls"])).not.toContain(`${project.name}_kept`);
  await expect(stat(volume!.path!)).rejects.toThrow("ENOENT");
});

test("a bind mount is relative to the file, and what the container's root writes belongs to the folder's owner", async () => {
  const project = await platform().compose({
    "compose.yaml": `
services:
  app:
    ${SLEEP}
    volumes: [./data:/data, ./config:/config:ro]
`,
    "config/setting": "on\n",
  });
  await mkdir(join(project.folder, "data"));
  await chown(join(project.folder, "data"), 1234, 4321);
  await project.up({ cwd: "/" });
  expect(await project.sh("app", "id -u; stat -c %u:%g /data; cat /config/setting")).toBe("0\n0:0\non");
  await project.sh("app", "echo inside >/data/file; mkdir /data/folder");
  expect(await readFile(join(project.folder, "data/file"), "utf8")).toBe("inside\n");
  for (const name of ["file", "folder"])
    expect(await stat(join(project.folder, "data", name))).toMatchObject({ uid: 1234, gid: 4321 });
  expect(await project.exec("app", "touch", "/config/other")).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining("Read-only file system") as string,
  });
  await project.down();
  expect(await readFile(join(project.folder, "data/file"), "utf8")).toBe("inside\n");
});

test("volumes and bind mounts are nosuid and nodev", async () => {
  const project = await platform().compose(`
services:
  app:
    ${SLEEP}
    volumes: [v:/volume, ./b:/bind]
    tmpfs: /scratch
volumes: { v: }
`);
  await project.up();
  const mounts = await project.sh("app", "grep -E ' /(volume|bind|scratch) ' /proc/self/mountinfo");
  expect(mounts.split("\n")).toHaveLength(3);
  for (const mount of mounts.split("\n")) expect(mount).toMatch(/ rw,nosuid,nodev/);
  await project.down("-v");
});

test("a missing bind source is made, or refused where create_host_path is false", async () => {
  const project = await platform().compose(`
services:
  app:
    ${SLEEP}
    volumes: [{ type: bind, source: ./absent, target: /data, bind: { create_host_path: false } }]
`);
  const refused = await project.tryUp();
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr).toMatch(/absent.*SLIPWAY_CONTAINER_BIND_SOURCE_MISSING/);
  await expect(stat(join(project.folder, "absent"))).rejects.toThrow("ENOENT");
  await project.down();
});

test("a tmpfs has its size, is gone after a restart, and a tmpfs volume is shared while it is used", async () => {
  const project = await platform().compose(`
services:
  one:
    ${SLEEP}
    tmpfs: /scratch:size=1m
    volumes: [fast:/fast]
  two:
    ${SLEEP}
    volumes: [fast:/fast]
volumes:
  fast: { driver: tmpfs, driver_opts: { size: 2m } }
`);
  await project.up();
  expect(await project.sh("one", "echo x >/scratch/small && head -c 2000000 /dev/zero >/scratch/big || echo full")).toBe(
    "full",
  );
  await project.sh("one", "echo shared >/fast/file");
  expect(await project.sh("two", "cat /fast/file; stat -f -c %T /fast")).toBe("shared\ntmpfs");
  await platform().ok(["restart", `${project.name}/one`]);
  expect(await project.sh("one", "ls /scratch; cat /fast/file")).toBe("shared");
  await project.down("-v");
});

test("a volume in use is not removed, one that nobody uses is, and one that is not there is an error that lists those that are", async () => {
  const project = await platform().compose(`
services:
  app:
    ${SLEEP}
    volumes: [busy:/data]
volumes: { busy: }
`);
  await project.up();
  const name = `${project.name}_busy`;
  const { id } = await project.instance("app");
  const refused = await platform().slipway(["volume", "rm", name]);
  expect(refused.exitCode).not.toBe(0);
  expect(refused.stderr).toMatch(new RegExp(`${name}.*${id}.*SLIPWAY_STORAGE_IN_USE`));
  await project.down();
  await platform().ok(["volume", "rm", name]);
  const missing = await platform().slipway(["volume", "inspect", name]);
  expect(missing.exitCode).toBe(125);
  expect(missing.stderr).toMatch(/SLIPWAY_(API|CLI|STORAGE)_\w+/);
});

test("a volume's name that climbs is refused, and nothing is touched", async () => {
  const project = await platform().compose(`
services:
  app:
    ${SLEEP}
    volumes: ["../../victim:/data"]
volumes:
  ../../victim:
`);
  const victim = join(project.folder, "../../victim");
  const up = await project.tryUp();
  expect(up.exitCode).toBe(125);
  expect(up.stderr).toMatch(/"..\/..\/victim" is no name.*SLIPWAY_COMPOSE_NAME\]\n.*compose\.yaml:9:3\n/);
  for (const name of ["../../etc", "..", "a/../../b", `${project.name}_../x`]) {
    expect(await platform().slipway(["volume", "rm", name])).toMatchObject({ exitCode: 125 });
    expect(await platform().slipway(["volume", "inspect", name])).toMatchObject({ exitCode: 125 });
  }
  const run = await platform().slipway(["run", "--rm", "-v", "x..y/../z:/data", "host", "true"]);
  expect(run.exitCode).toBe(125);
  await expect(stat(victim)).rejects.toThrow("ENOENT");
  expect(await platform().ok(["volume", "ls"])).not.toContain("victim");
});

test("a container's root does not follow a link out of its volume", async () => {
  const outside = await platform().scratch("outside");
  await writeFile(join(outside, "secret"), "host's\n");
  const project = await platform().compose(`
services:
  app:
    ${SLEEP}
    volumes: [v:/data]
volumes: { v: }
`);
  await project.up();
  await project.sh("app", `ln -s ${outside} /data/link; ln -s /etc/shadow /data/shadow`);
  expect(await project.exec("app", "cat", "/data/link/secret")).toMatchObject({ exitCode: 1 });
  expect(await project.exec("app", "cat", "/data/shadow")).toMatchObject({ exitCode: 1 });
  await project.down("-v");
  expect(await readFile(join(outside, "secret"), "utf8")).toBe("host's\n");
  await rm(outside, { recursive: true });
});
