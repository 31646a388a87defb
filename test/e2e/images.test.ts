import { existsSync, readdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ImageInfo } from "#contracts/api.ts";
import type { Trace, TraceSummary } from "#contracts/trace.ts";
import { homeLayout } from "#contracts/home.ts";
import { buildBusyboxLayout } from "#runtime-node/image/testing/busybox-layout.ts";
import { startLyingRegistry } from "#runtime-node/image/testing/lying-registry.ts";
import { startRegistry, type TestRegistry } from "#runtime-node/image/testing/registry.ts";
import { smallImage, tarOf } from "#runtime-node/image/testing/small-image.ts";
import { tool } from "#runtime-node/image/testing/tool.ts";
import { buildMultiArchLayout } from "./multi-arch-layout.ts";
import { until } from "./until.ts";
import { usePlatform } from "./use-platform.ts";

const platform = usePlatform();
const resources = new AsyncDisposableStack();
let registry: TestRegistry;
let layout: string;
let app: string;

beforeAll(async () => {
  layout = join(await platform().scratch("images"), "layout");
  await buildBusyboxLayout(layout, {
    tag: "app",
    config: [
      "--config.user",
      "1000:100",
      "--config.env",
      "GREETING=hello",
      "--config.workingdir",
      "/srv/app",
      "--config.entrypoint",
      "/bin/sh",
      "--config.entrypoint",
      "/etc/start",
    ],
    // The image's own command is `sh`.
    change: (rootfs) =>
      writeFile(
        join(rootfs, "etc/start"),
        '[ "$*" = sh ] || exec "$@"\necho "$GREETING from $(pwd) as $(id -u):$(id -g)"\n',
      ),
  });
  await buildMultiArchLayout(layout);
  registry = resources.use(await startRegistry());
  app = await registry.push(`oci:${layout}:app`, "team/app:1");
}, 60_000);
afterAll(() => resources.disposeAsync());

const run = (...args: string[]) => platform().slipway(["run", "--rm", ...args]);
const images = () => platform().json<ImageInfo[]>(["image", "ls"]);
/** Every file of blobs and layers that the store keeps. */
const stored = (): string[] => {
  const folder = homeLayout(platform().home).images;
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) => /[0-9a-f]{64}$/.test(path));
};

test("run pulls an image that is not there, and starts it with its user, environment, folder and entrypoint", async () => {
  expect(await run(app)).toMatchObject({ exitCode: 0, stdout: "hello from /srv/app as 1000:100\n" });
  const [command] = await until(
    async () => (await platform().json<TraceSummary[]>(["trace", "ls"])).filter(({ name }) => name === "slipway run"),
    ([newest]) => newest !== undefined,
  );
  const ofPull = ["obtain image", "resolve reference", "download", "unpack"];
  await until(
    () => platform().json<Trace>(["trace", "show", command!.traceId]),
    ({ spans }) => ofPull.every((part) => spans.some(({ name }) => name === part)),
  );
  expect(await images()).toMatchObject([
    { reference: app, digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string },
  ]);
});

test("what is mounted in every container has its place below the image, and none in the container's own directory", async () => {
  const { stdout } = await platform().slipway(["run", "-d", "--init", "-w", "/tmp", app, "sleep", "1000"]);
  const id = stdout.trim();
  const upper = join(homeLayout(platform().home).instances, id, "upper");
  expect(readdirSync(upper, { recursive: true })).toEqual([]);
  const look = ["sh", "-c", "cat /etc/hosts /run/slipway/nats.creds >/dev/null && stat -c %a:%u:%g /etc/hosts /run"];
  expect(await platform().slipway(["exec", "-u", "0", id, ...look])).toMatchObject({ stdout: "644:0:0\n755:0:0\n" });
  await platform().slipway(["rm", "-f", id]);
});

test("a command replaces the image's, and flags go before what the image says", async () => {
  expect(
    await run("-e", "GREETING=bye", "-w", "/tmp", "-u", "0", app, "sh", "-c", 'echo "$GREETING $(pwd) $(id -u)"'),
  ).toMatchObject({
    stdout: "bye /tmp 0\n",
  });
  expect(await run("--entrypoint", "/bin/echo", app, "plain")).toMatchObject({ stdout: "plain\n" });
});

test("an image's files are its root's inside, and what one container writes no other sees", async () => {
  const write = "stat -c %u:%g /bin/busybox; echo mine >/etc/passwd; rm /bin/wget; cat /etc/passwd";
  expect(await run("-u", "0", app, "sh", "-c", write)).toMatchObject({ exitCode: 0, stdout: "0:0\nmine\n" });
  expect(await run("-u", "0", app, "sh", "-c", "grep ^root: /etc/passwd; ls /bin/wget")).toMatchObject({
    stdout: "root:x:0:0:root:/root:/bin/sh\n/bin/wget\n",
  });
});

test("a new volume is filled with what the image has at its target, one that has content is left as it is", async () => {
  const change = "ls /etc/start && rm /etc/start && echo ours >/etc/ours";
  expect(await run("-u", "0", "-v", "filled:/etc", app, "sh", "-c", change)).toMatchObject({ stdout: "/etc/start\n" });
  const look = await run(
    "-u",
    "0",
    "-v",
    "filled:/etc",
    "--entrypoint",
    "/bin/sh",
    app,
    "-c",
    "ls /etc/start; cat /etc/ours",
  );
  expect(look).toMatchObject({ exitCode: 0, stdout: "ours\n" });
});

test("layers of zstd are unpacked as well", async () => {
  const zstd = await registry.push(`oci:${layout}:amd64`, "zstd:1", "--dest-compress", "--dest-compress-format", "zstd");
  const manifest = await tool("skopeo", "inspect", "--raw", "--tls-verify=false", `docker://${zstd}`);
  expect(manifest).toContain("tar+zstd");
  expect(await run(zstd, "cat", "/etc/arch")).toMatchObject({ exitCode: 0, stdout: "amd64\n" });
});

test("of an index the image for this machine is taken", async () => {
  const multi = await registry.push(`oci:${layout}:multi`, "multi:1", "--all");
  const own = process.arch === "x64" ? "amd64" : "arm64";
  expect(await run(multi, "cat", "/etc/arch")).toMatchObject({ exitCode: 0, stdout: `${own}\n` });
});

test("pull shows its progress, and by digest takes exactly that image", async () => {
  const [{ digest } = { digest: "" }] = (await images()).filter(({ reference }) => reference === app);
  const exact = `${registry.host}/team/app@${digest}`;
  const { exitCode, stdout, stderr } = await platform().slipway(["image", "pull", exact]);
  expect(exitCode).toBe(0);
  expect(stdout + stderr).toContain(digest);
  expect((await images()).find(({ reference }) => reference === exact)).toMatchObject({ digest });
});

test("an image that an instance uses is not removed; when nobody does, it and its layers go", async () => {
  const [used, ...others] = (await images()).filter(({ reference }) => reference.includes("team/app"));
  await platform().ok(["run", "-d", "--name", "user", used!.reference, "sleep", "1000"]);
  // Its other names go, its last one stays.
  for (const { reference } of others) await platform().ok(["image", "rm", reference]);
  const refused = await platform().slipway(["image", "rm", used!.reference]);
  expect(refused.exitCode).not.toBe(0);
  expect(refused.stderr).toMatch(/team\/app.* is in use.*SLIPWAY_IMAGE_IN_USE\]\n {2}→ /);
  await platform().ok(["rm", "-f", "user"]);
  await until(
    () => platform().ps(),
    (instances) => instances.length === 0,
  );
  for (const { reference } of await images()) await platform().ok(["image", "rm", reference]);
  expect(await images()).toEqual([]);
  await until(
    async () => stored(),
    (files) => files.length === 0,
  );
});

test("an OCI layout and an archive of docker save are imported under a name, and run", async () => {
  const archive = join(layout, "../app.tar");
  await tool("skopeo", "copy", "--quiet", "--insecure-policy", `oci:${layout}:app`, `docker-archive:${archive}:saved:2`);
  await platform().ok(["image", "import", archive]);
  const only = join(layout, "../only");
  await tool("skopeo", "copy", "--quiet", "--insecure-policy", `oci:${layout}:app`, `oci:${only}:app`);
  await platform().ok(["image", "import", "--reference", "imported:1", only]);
  for (const name of ["imported:1", "saved:2"])
    expect(await run(name)).toMatchObject({ exitCode: 0, stdout: "hello from /srv/app as 1000:100\n" });
  const nothing = await platform().slipway(["image", "import", join(layout, "../nosuch")]);
  expect(nothing.exitCode).toBe(125);
  expect(nothing.stderr).toMatch(/SLIPWAY_IMAGE_\w+/);
});

test("an image or tag that does not exist is an error that names what there is", async () => {
  const tag = await run(`${registry.host}/team/app:9`, "true");
  expect(tag.exitCode).toBe(125);
  expect(tag.stderr).toMatch(/team\/app:9.*\b1\b.*SLIPWAY_IMAGE_NOT_FOUND\]\n {2}→ /);
  const name = await platform().slipway(["image", "pull", `${registry.host}/nosuch:1`]);
  expect(name.exitCode).toBe(125);
  expect(name.stderr).toMatch(/nosuch:1.*SLIPWAY_IMAGE_NOT_FOUND/);
  const project = await platform().compose(`services:\n  web:\n    image: ${registry.host}/nosuch:1\n`);
  const up = await project.tryUp();
  expect(up.exitCode).toBe(1);
  expect(up.stderr).toMatch(/web: .*nosuch:1.*SLIPWAY_IMAGE_NOT_FOUND/);
  await project.down();
});

test("a registry that is down is an error with its address, and leaves nothing", async () => {
  const before = stored();
  const down = await startRegistry();
  await down[Symbol.asyncDispose]();
  const { exitCode, stderr } = await platform().slipway(["image", "pull", `${down.host}/app:1`]);
  expect(exitCode).toBe(125);
  expect(stderr).toMatch(new RegExp(`${down.host}.*ECONNREFUSED.*SLIPWAY_IMAGE_REGISTRY_UNREACHABLE\\]\\n {2}→ `));
  expect(stored()).toEqual(before);
});

test("a registry that lies about a digest is refused, and leaves nothing", async () => {
  const before = stored();
  const image = smallImage([await tarOf([{ name: "file", content: "true" }])]);
  await using liar = await startLyingRegistry(image, {
    blob({ digest, body, response }) {
      if (digest !== image.layers[0]) return false;
      response.end(Buffer.concat([body.subarray(0, -1), Buffer.of(body.at(-1)! ^ 1)]));
      return true;
    },
  });
  const { exitCode, stderr } = await platform().slipway(["image", "pull", `${liar.host}/app:1`]);
  expect(exitCode).toBe(125);
  expect(stderr).toMatch(/SLIPWAY_IMAGE_DIGEST_MISMATCH\]\n {2}→ /);
  expect(stored()).toEqual(before);
  expect((await images()).some(({ reference }) => reference.startsWith(liar.host))).toBe(false);
});

test("a layer that climbs out of its root is refused, and writes nothing outside", async () => {
  const before = stored();
  const image = smallImage([await tarOf([{ name: "../../../../../../../../tmp/slipway-climbed", content: "out" }])]);
  await using hostile = await startLyingRegistry(image);
  const { exitCode, stderr } = await platform().slipway(["image", "pull", `${hostile.host}/app:1`]);
  expect(exitCode).toBe(125);
  expect(stderr).toMatch(/SLIPWAY_IMAGE_LAYER_ESCAPES\]\n {2}→ /);
  expect(existsSync("/tmp/slipway-climbed")).toBe(false);
  expect(stored()).toEqual(before);
});
