import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { locateNatsServer } from "./locate.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-locate-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function placeServer(path: string, version: string): Promise<string> {
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(path, `#!/bin/sh\necho "nats-server: v${version}"\n`);
  await chmod(path, 0o755);
  return path;
}

test("the binary that the environment names comes first", async () => {
  const named = await placeServer(join(folder, "named"), "2.12.1");
  await placeServer(join(folder, "bin", "nats-server"), "2.11.0");
  const found = await locateNatsServer({ environment: { SLIPWAY_NATS_SERVER: named, PATH: join(folder, "bin") } });
  expect(found).toEqual({ path: named, source: "environment", version: { major: 2, minor: 12, patch: 1 } });
});

test("a binary on PATH that loses acknowledged writes is passed over for what set-up fetched", async () => {
  await placeServer(join(folder, "bin", "nats-server"), "2.10.12");
  const fetched = await placeServer(join(folder, "root", ".slipway", "bin", "nats-server"), "2.10.25");
  const found = await locateNatsServer({ environment: { PATH: join(folder, "bin") }, packageRoot: join(folder, "root") });
  expect(found).toMatchObject({ path: fetched, source: "setup" });
});

test("only unfit binaries: the error names each with its version", async () => {
  const unfit = await placeServer(join(folder, "bin", "nats-server"), "2.10.22");
  await expect(locateNatsServer({ environment: { PATH: join(folder, "bin") }, packageRoot: folder })).rejects.toMatchObject(
    {
      code: "SLIPWAY_MESSAGING_SERVER_UNSUPPORTED",
      message: expect.stringContaining(`${unfit} (2.10.22)`),
    },
  );
});

test("a named binary that is not there is an error, not a reason to take another", async () => {
  await placeServer(join(folder, "bin", "nats-server"), "2.12.0");
  const environment = { SLIPWAY_NATS_SERVER: join(folder, "absent"), PATH: join(folder, "bin") };
  await expect(locateNatsServer({ environment })).rejects.toMatchObject({
    code: "SLIPWAY_MESSAGING_SERVER_MISSING",
    message: expect.stringContaining(join(folder, "absent")),
    remedy: expect.stringContaining("npm run setup"),
  });
});
