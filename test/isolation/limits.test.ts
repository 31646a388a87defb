import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ScratchNode } from "../containers/scratch-node.ts";

const MIB = 1024 * 1024;

let node: ScratchNode;
beforeAll(() => {
  node = new ScratchNode();
});
afterAll(async () => {
  await node[Symbol.asyncDispose]();
});

describe("a limit", () => {
  it("on memory kills what goes over it, and the kill is counted", async () => {
    const { status, oomKills } = await node.sh("head -c 100m /dev/zero | tail -c 100m | wc -c", {
      limits: { memoryBytes: 16 * MIB },
    });
    expect(oomKills).toBeGreaterThan(0);
    expect(status.code).not.toBe(undefined);
  });

  it("on memory lets live what stays under it", async () => {
    const { status, oomKills } = await node.sh("head -c 1m /dev/zero | wc -c", { limits: { memoryBytes: 64 * MIB } });
    expect({ code: status.code, oomKills }).toEqual({ code: 0, oomKills: 0 });
  });

  it("on processes refuses the one too many", async () => {
    const { stdout, stderr } = await node.sh("for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; echo started", {
      limits: { pids: 4 },
    });
    expect(stdout + stderr).toMatch(/can't fork|Resource temporarily unavailable/);
  });

  it("on CPU is written as a quota of the period", async () => {
    const file = node.cgroups.version === "v2" ? "/sys/fs/cgroup/cpu.max" : undefined;
    await using container = await node.start({ command: ["/bin/sleep", "60"], limits: { cpus: 0.25 } });
    if (file !== undefined) {
      const { stdout } = await node.exec(container, ["/bin/cat", file]);
      expect(stdout.trim()).toBe("25000 100000");
      return;
    }
    const { readFileSync } = await import("node:fs");
    const directory = `${node.cgroups.v1.cpu}/slipway-${node.hash}/${container.id}`;
    expect(readFileSync(`${directory}/cpu.cfs_quota_us`, "utf8").trim()).toBe("25000");
    expect(readFileSync(`${directory}/cpu.cfs_period_us`, "utf8").trim()).toBe("100000");
  });

  it("that the kernel does not take is refused with its name, and leaves no group", async () => {
    await expect(node.run({ command: ["/bin/true"], limits: { pids: 2 ** 50 } })).rejects.toMatchObject({
      code: "SLIPWAY_CGROUP_LIMIT_REFUSED",
      message: expect.stringContaining("pids.max"),
    });
  });
});
