import { createHash } from "node:crypto";
import { readdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CONSTANTS, flagBits } from "#kernel/constants.ts";
import type { LaunchMount } from "#runtime-node/launch/container-launch.ts";
import { type LaunchFailed, ScratchNode } from "../containers/scratch-node.ts";
import { PERL_MOUNTS } from "./attempt.ts";

let node: ScratchNode;
/** A directory of the host that the supervisor has open, as it has the cgroup's and other launches' volumes. */
let directory: number;
const layer = (): string => join(node.folder, "layer");

beforeAll(() => {
  node = new ScratchNode();
  directory = node.kernel.call("openat", CONSTANTS.AT_FDCWD, "/etc", flagBits(["O_RDONLY", "O_DIRECTORY"]), 0);
  symlinkSync(`/proc/self/fd/${directory}`, join(layer(), "leak"));
  symlinkSync(`/proc/1/fd/${directory}`, join(layer(), "leak1"));
});
afterAll(async () => {
  node.kernel.call("close", directory);
  await node[Symbol.asyncDispose]();
});

const failureOf = (launch: Promise<unknown>): Promise<LaunchFailed["answer"]["failure"]> =>
  launch.then(
    () => expect.fail("it started"),
    (error: unknown) => (error as LaunchFailed).answer.failure,
  );
/** Every number that could be one of ours, by each of its names. */
const numbers = (): number[] =>
  readdirSync("/proc/self/fd")
    .map(Number)
    .filter((fd) => fd > 2);

describe("a descriptor that the supervisor has open (CVE-2024-21626)", () => {
  it("is the host's, so that there is something to find", () => {
    expect(readlinkSync(`/proc/self/fd/${directory}`)).toBe("/etc");
  });

  it("is no working directory of a container, by its number or by a link in the image", async () => {
    const places = [
      ...numbers().map((fd) => `/proc/self/fd/${fd}`),
      `/proc/1/fd/${directory}`,
      "/leak",
      "/leak1",
      "/leak/..",
    ];
    for (const workingDir of places) {
      const why = await failureOf(node.run({ command: ["/bin/ls"], workingDir }));
      expect({ workingDir, ...why }).toMatchObject({ errno: expect.stringMatching(/^(ENOENT|ENOTDIR)$/) });
    }
  });

  it("is no working directory of a second process", async () => {
    await using container = await node.start({ command: ["/bin/sleep", "60"] });
    for (const workingDir of [...numbers().map((fd) => `/proc/self/fd/${fd}`), "/leak", "/leak/.."]) {
      const why = await failureOf(node.exec(container, ["/bin/ls"], { workingDir }));
      expect({ workingDir, ...why }).toMatchObject({
        step: "working directory",
        errno: expect.stringMatching(/^(ENOENT|ENOTDIR)$/),
      });
    }
  });

  it("leads to no program of the host", async () => {
    await using container = await node.start({ command: ["/bin/sleep", "60"] });
    const command = [`/proc/self/fd/${directory}/../bin/true`];
    expect(await failureOf(node.run({ command }))).toMatchObject({ exec: true, errno: "ENOENT" });
    expect(await failureOf(node.exec(container, command))).toMatchObject({ exec: true, errno: "ENOENT" });
  });

  it("is no place for a mount", async () => {
    const tmpfs = (target: string): LaunchMount => ({ kind: "tmpfs", target, sizeBytes: 65_536, mode: 0o755 });
    for (const target of ["/leak/slipway-escape", "/leak1/slipway-escape"])
      await failureOf(node.run({ command: ["/bin/true"], mounts: [tmpfs(target)] }));
    expect(() => statSync("/etc/slipway-escape")).toThrow("ENOENT");
  });
});

describe("a program that names /proc/self/exe as its interpreter (CVE-2019-5736)", () => {
  it("runs the supervisor's own binary, and cannot write it", async () => {
    const script = `#!/proc/self/exe
      const fs = require("node:fs");
      for (const flags of ["r+", "w", "a"]) {
        try { fs.openSync("/proc/self/exe", flags); console.log("opened"); } catch (error) { console.log(error.code); }
      }`;
    writeFileSync(join(layer(), "bin/trap"), script, { mode: 0o755 });
    const digest = (): string => createHash("sha256").update(readFileSync(process.execPath)).digest("hex");
    const before = digest();
    await using container = await node.start({ command: ["/bin/sleep", "60"], mounts: PERL_MOUNTS });
    for (const run of [node.exec(container, ["/bin/trap"]), node.run({ command: ["/bin/trap"], mounts: PERL_MOUNTS })]) {
      expect((await run).stdout).toMatch(/^((EACCES|ETXTBSY)\n){3}$/);
    }
    expect(digest()).toBe(before);
  });
});

describe("an image whose own paths are links", () => {
  it.each(["proc", "sys", "dev"])("gets no container when /%s is one", async (name) => {
    await using other = new ScratchNode();
    symlinkSync("/data", join(other.folder, "layer", name));
    const why = await failureOf(other.run({ command: ["/bin/true"] }));
    expect(why).toMatchObject({ step: `attach /${name}`, errno: expect.stringMatching(/^(ENOTDIR|EINVAL|ELOOP)$/) });
  });
});
