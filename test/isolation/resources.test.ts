import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BlockIoLimits } from "#contracts/service-spec.ts";
import { readDeviceNumber } from "#runtime-node/cgroup/device-number.ts";
import { ScratchNode, type ScratchContainer } from "../containers/scratch-node.ts";

const MIB = 1024 * 1024;

let node: ScratchNode;
beforeAll(() => {
  node = new ScratchNode();
});
afterAll(async () => {
  await node[Symbol.asyncDispose]();
});

/** A file of the container's group, as the host reads it: v2's, or the controller's of v1. */
function read({ id }: ScratchContainer, v2: string, controller: keyof typeof node.cgroups.v1, v1: string): string {
  const { version, unified } = node.cgroups;
  const [root, file] = version === "v2" ? [unified!, v2] : [node.cgroups.v1[controller]!, v1];
  return readFileSync(join(root, `slipway-${node.hash}`, id, file), "utf8").trim();
}

const sleeper = { command: ["/bin/sleep", "60"] };

describe("what a container may use", () => {
  it("of CPUs is a share, and a set that its processes see", async () => {
    await using container = await node.start({ ...sleeper, limits: { cpuShares: 512, cpuset: "0" } });
    expect(read(container, "cpu.weight", "cpu", "cpu.shares")).toBe(node.cgroups.version === "v2" ? "20" : "512");
    const { stdout } = await node.exec(container, ["/bin/sh", "-c", "grep Cpus_allowed_list /proc/self/status; nproc"]);
    expect(stdout.trim().split(/\s+/)).toEqual(["Cpus_allowed_list:", "0", "1"]);
  });

  it("of CPUs must be there", async () => {
    await expect(node.run({ command: ["/bin/true"], limits: { cpuset: "4000" } })).rejects.toMatchObject({
      code: "SLIPWAY_CGROUP_LIMIT_REFUSED",
      message: expect.stringContaining("cpuset.cpus = 4000"),
    });
  });

  it("of memory is reserved, and swap goes past its limit when that is asked for", async () => {
    await using container = await node.start({
      ...sleeper,
      limits: { memoryBytes: 16 * MIB, memoryAndSwapBytes: 48 * MIB, memoryReservationBytes: 8 * MIB },
    });
    expect(read(container, "memory.low", "memory", "memory.soft_limit_in_bytes")).toBe(String(8 * MIB));
    const swap = read(container, "memory.swap.max", "memory", "memory.memsw.limit_in_bytes");
    expect(swap).toBe(String((node.cgroups.version === "v2" ? 32 : 48) * MIB));
  });

  it("of memory goes to swap instead of the OOM killer, where the machine has swap", async ({ skip }) => {
    if (readFileSync("/proc/swaps", "utf8").trim().split("\n").length < 2) skip("this machine has no swap");
    const hog = "head -c 24m /dev/zero | tail -c 24m | wc -c";
    const swapped = await node.sh(hog, { limits: { memoryBytes: 16 * MIB, memoryAndSwapBytes: 64 * MIB } });
    expect(swapped).toMatchObject({ stdout: `${24 * MIB}\n`, oomKills: 0 });
    expect(await node.sh(hog, { limits: { memoryBytes: 16 * MIB } })).not.toMatchObject({ oomKills: 0 });
  });

  it("has v1's swappiness, which v2 is said not to have", async () => {
    const options = { ...sleeper, limits: { memorySwappiness: 10 } };
    if (node.cgroups.version === "v2") {
      await expect(node.start(options)).rejects.toMatchObject({ code: "SLIPWAY_CGROUP_LIMIT_UNSUPPORTED" });
      return;
    }
    await using container = await node.start(options);
    expect(read(container, "", "memory", "memory.swappiness")).toBe("10");
  });

  it("counts for the OOM killer as it is told to, and not as the supervisor does", async () => {
    const own = readFileSync("/proc/self/oom_score_adj", "utf8");
    expect((await node.sh("cat /proc/self/oom_score_adj", { oomScoreAdj: 321 })).stdout).toBe("321\n");
    expect((await node.sh("cat /proc/self/oom_score_adj")).stdout).toBe("0\n");
    expect(readFileSync("/proc/self/oom_score_adj", "utf8")).toBe(own);
  });

  it("is spared by the OOM killer when the supervisor may say so", async () => {
    const spared = await node.sh("cat /proc/self/oom_score_adj", { oomScoreAdj: -500 }).then(
      ({ stdout }) => stdout,
      (error: Error) => error.message,
    );
    const may =
      (parseInt(/^CapEff:\t(\w+)$/m.exec(readFileSync("/proc/self/status", "utf8"))![1]!.slice(-8), 16) >> 24) & 1;
    expect(spared).toMatch(may === 1 ? /^-500$/m : /OOM score.*EACCES/);
  });
});

describe("the disk of a container", () => {
  const none: BlockIoLimits = {
    deviceWeights: [],
    readBytes: [],
    writeBytes: [],
    readOperations: [],
    writeOperations: [],
  };
  /** The disk that the test's folder is on; its number as `stat` prints it. */
  const disk = (): { path: string; number: string } | undefined => {
    const device = execFileSync("stat", ["-c", "%Hd:%Ld", node.folder], { encoding: "utf8" }).trim();
    const found = readdirSync("/dev").find((name) => {
      const number = readDeviceNumber(join("/dev", name));
      return number?.type === "block" && `${number.major}:${number.minor}` === device;
    });
    return found === undefined ? undefined : { path: join("/dev", found), number: device };
  };

  it("is read and written at the rates that it is given", async ({ skip }) => {
    const found = disk();
    if (found === undefined) return skip("the test's folder is on no disk of /dev");
    const { path, number } = found;
    const blockIo: BlockIoLimits = {
      ...none,
      readBytes: [{ path, perSecond: 64 * MIB }],
      writeBytes: [{ path, perSecond: 2 * MIB }],
      readOperations: [{ path, perSecond: 5_000 }],
    };
    await using container = await node.start({ ...sleeper, limits: { blockIo } });
    if (node.cgroups.version === "v2") {
      expect(read(container, "io.max", "io", "")).toBe(`${number} rbps=${64 * MIB} wbps=${2 * MIB} riops=5000 wiops=max`);
    } else {
      expect(read(container, "", "io", "blkio.throttle.write_bps_device")).toBe(`${number} ${2 * MIB}`);
      expect(read(container, "", "io", "blkio.throttle.read_iops_device")).toBe(`${number} 5000`);
    }
    const before = performance.now();
    const written = await node.exec(container, [
      "/bin/dd",
      "if=/dev/zero",
      "of=/data/big",
      "bs=1M",
      "count=4",
      "oflag=direct",
    ]);
    // A throttled write cannot be faster than its rate, whatever else the machine does.
    if (written.status.code === 0) expect(performance.now() - before).toBeGreaterThan(1_000);
    else expect(written.stderr).toContain("Invalid argument");
  });

  it("has a weight only where the kernel can weigh", async () => {
    const weighed = await node.run({ command: ["/bin/true"], limits: { blockIo: { ...none, weight: 100 } } }).then(
      ({ status }) => status.code,
      (error: { code: string }) => error.code,
    );
    expect([0, "SLIPWAY_CGROUP_LIMIT_UNSUPPORTED"]).toContain(weighed);
  });
});

describe("the devices of a container", () => {
  const device = { source: "/dev/kmsg", target: "/dev/messages", access: "w" };

  it("are the standard ones and those it names, its root the owner", async () => {
    const line = "ls -ln /dev/messages; : >/dev/messages && echo opened";
    const { stdout } = await node.sh(line, { devices: [device] });
    expect(stdout).toMatch(/^crw-rw---- +1 0 +0 +1, +11 /);
    expect(stdout).toContain("opened");
    expect((await node.sh("ls /dev")).stdout).not.toContain("messages");
  });

  it("are opened only as they were given", async () => {
    const { stderr } = await node.sh(": </dev/messages", { devices: [device] });
    expect(stderr).toContain("Operation not permitted");
    const readable = await node.sh(": >/dev/messages", { devices: [{ ...device, access: "r" }] });
    expect(readable.stderr).toContain("Operation not permitted");
  });

  it("can be no other, even where a node of another is found", async () => {
    const source = join(node.folder, "smuggled");
    execFileSync("mknod", ["-m", "666", source, "c", "1", "11"]);
    const smuggled = {
      kind: "bind",
      source,
      target: "/dev/smuggled",
      file: true,
      device: true,
      readOnly: false,
      idmap: null,
      recursive: false,
      propagation: "private",
      targetExists: false,
    } as const;
    const { stdout, stderr } = await node.sh("true >/dev/smuggled; ls /dev/smuggled", { mounts: [smuggled] });
    expect(stdout).toBe("/dev/smuggled\n");
    expect(stderr).toContain("Operation not permitted");
  });

  it("must be devices", async () => {
    const missing = node.run({ command: ["/bin/true"], devices: [{ ...device, source: "/dev/no-such-device" }] });
    await expect(missing).rejects.toMatchObject({ code: "SLIPWAY_CGROUP_NO_DEVICE" });
  });
});

describe("a container that is frozen", () => {
  const counter = { command: ["/bin/sh", "-c", "while :; do echo x; sleep 0.02; done"] };

  it("does nothing until it is thawed", async () => {
    await using container = await node.start(counter);
    await container.cgroup.freeze(AbortSignal.timeout(60_000));
    expect(container.cgroup.isFrozen).toBe(true);
    const ticks = (): string => readFileSync(`/proc/${container.pid}/stat`, "utf8").split(" ").slice(13, 17).join(" ");
    const stood = ticks();
    const state = readFileSync(`/proc/${container.pid}/stat`, "utf8").split(" ")[2];
    await node.sh("sleep 0.2");
    expect([ticks(), state]).toEqual([stood, expect.stringMatching(/[SD]/)]);
    container.cgroup.thaw();
    expect(container.cgroup.isFrozen).toBe(false);
    await expect.poll(ticks, { timeout: 60_000 }).not.toBe(stood);
  });

  it("is ended by a kill all the same, with all that is in it", async () => {
    await using container = await node.start(counter);
    await container.cgroup.freeze(AbortSignal.timeout(60_000));
    container.cgroup.kill();
    if (node.cgroups.unified === null) container.cgroup.thaw();
    expect(await container.exit).toMatchObject({ code: 137, signal: 9 });
  });
});
