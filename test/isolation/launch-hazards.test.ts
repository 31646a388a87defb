import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CONSTANTS } from "#kernel/constants.ts";
import { RELEASE_READ } from "#kernel/plan/child-plan.ts";
import { LaunchFailed, type ScratchContainer, ScratchNode } from "../containers/scratch-node.ts";

/** Emulation is ten times slower: there the point is the other kernel, not the number. */
const CONTAINERS_AT_ONCE = process.env["SLIPWAY_TEST_VM"] === undefined ? 200 : 40;

let node: ScratchNode;
beforeAll(() => {
  node = new ScratchNode();
});
afterAll(async () => {
  await node[Symbol.asyncDispose]();
});

const failure = async (launch: Promise<unknown>) => {
  const error = await launch.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(LaunchFailed);
  return (error as LaunchFailed).answer;
};

/** The process's own fds, but for what a listing itself opens. */
const openFds = (): string[] =>
  readdirSync("/proc/self/fd")
    .map((fd) => {
      try {
        return `${fd} ${readlinkSync(`/proc/self/fd/${fd}`)}`;
      } catch {
        return "";
      }
    })
    .filter((entry) => entry !== "" && !entry.includes("/proc/"));

describe("what a child inherits", () => {
  it("finds SIGPIPE and SIGXFSZ at their defaults, which Node ignores", async () => {
    const ignoredByNode = BigInt(`0x${/^SigIgn:\s*(\S+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]}`);
    expect(ignoredByNode & (1n << 12n)).not.toBe(0n);
    const { stdout } = await node.run({ command: ["/bin/grep", "-E", "Sig(Ign|Blk|Cgt)", "/proc/self/status"] });
    expect(stdout).toMatch(/SigBlk:\s*0{16}\nSigIgn:\s*0{16}\nSigCgt:\s*0{16}\n/);
  });

  it("has no fd open but its three streams", async () => {
    // Without O_CLOEXEC, as a native library may leave one.
    const foreign = node.kernel.call("openat", CONSTANTS.AT_FDCWD, "/etc/hostname", CONSTANTS.O_RDONLY, 0);
    try {
      const { stdout } = await node.sh("ls /proc/$$/fd; true");
      expect(stdout.trim().split("\n")).toEqual(["0", "1", "2"]);
    } finally {
      node.kernel.call("close", foreign);
    }
  });

  it("has limits that were set and not inherited from Node", async () => {
    const { stdout } = await node.sh("ulimit -n; ulimit -Hn; umask");
    const [soft, hard, umask] = stdout.trim().split("\n");
    expect(soft).toBe("1024");
    expect(Number(hard)).toBeGreaterThan(1024);
    expect(umask).toBe("0022");
  });

  it("has only the environment that it was given", async () => {
    const { stdout } = await node.run({ command: ["/bin/env"], env: ["PATH=/bin", "A=1"] });
    expect(stdout.trim().split("\n").toSorted()).toEqual(["A=1", "PATH=/bin"]);
  });
});

describe("the supervisor's process", () => {
  it("survives a container whose memory limit is hit before exec", async () => {
    // 64 KiB: the kernel's own memory for the mounts is over it long before execve.
    const before = openFds();
    const outcome = await node
      .run({ command: ["/bin/true"], limits: { memoryBytes: 64 * 1024 } })
      .catch((error: unknown) => error);
    expect(outcome instanceof LaunchFailed || (outcome as { status: { code: number } }).status.code !== 0).toBe(true);
    const { status } = await node.run({ command: ["/bin/true"] });
    expect(status.code).toBe(0);
    expect(openFds()).toEqual(before);
  });

  it("keeps its own oom_score_adj, and so does the container", async () => {
    const before = readFileSync("/proc/self/oom_score_adj", "utf8");
    const { stdout } = await node.sh("cat /proc/self/oom_score_adj");
    expect(stdout).toBe(before);
    expect(readFileSync("/proc/self/oom_score_adj", "utf8")).toBe(before);
  });

  it("is told of 200 exits at once, each once, and steals none of child_process's", async () => {
    const reported = new Map<string, number>();
    node.children.onExit(({ child }) => reported.set(child, (reported.get(child) ?? 0) + 1));
    const containers: ScratchContainer[] = [];
    try {
      for (let count = 0; count < CONTAINERS_AT_ONCE; count++)
        containers.push(await node.start({ command: ["/bin/sleep", "600"] }));
      const codes = Array.from({ length: 20 }, (_, index) => index);
      const others = codes.map((code) => once(spawn("/bin/sh", ["-c", `exit ${code}`]), "exit"));
      for (const { id } of containers) node.children.signal(id, 9);
      const ends = await Promise.all(containers.map(({ exit }) => exit));
      expect(ends).toEqual(containers.map(() => ({ code: 137, signal: 9 })));
      expect(containers.map(({ id }) => reported.get(id))).toEqual(containers.map(() => 1));
      expect((await Promise.all(others)).map(([code]) => code as number)).toEqual(codes);
    } finally {
      for (const container of containers) await container[Symbol.asyncDispose]();
    }
  }, 60_000);

  it("makes more launches at once than koffi has threads for parked children", async () => {
    const runs = await Promise.all(Array.from({ length: 12 }, (_, index) => node.sh(`exit ${index}`)));
    expect(runs.map(({ status }) => status.code)).toEqual(runs.map((_, index) => index));
  });

  it("leaves no fd behind, whether a launch ends well or badly", async () => {
    await node.run({ command: ["/bin/true"] });
    const before = openFds();
    for (let round = 0; round < 5; round++) {
      await node.run({ command: ["/bin/true"] });
      await failure(node.run({ command: ["/bin/nope"] }));
    }
    expect(openFds()).toEqual(before);
  });
});

describe("a launch that fails", () => {
  it("says that the command is not there", async () => {
    const { failure: why } = await failure(node.run({ command: ["/bin/nope"] }));
    expect(why).toMatchObject({ exec: true, errno: "ENOENT", step: "exec /bin/nope" });
  });

  it("says that the command cannot be executed", async () => {
    const { failure: why } = await failure(node.run({ command: ["/etc/passwd"] }));
    expect(why).toMatchObject({ exec: true, errno: "EACCES" });
  });

  it("names the step, the call and the errno of whatever was refused", async () => {
    const { failure: why } = await failure(
      node.run({
        command: ["/bin/true"],
        alter: (plan) => ({
          ...plan,
          child: plan.child.map((step) => (step.name === "host name" ? { ...step, args: ["x".repeat(80), 80] } : step)),
        }),
      }),
    );
    expect(why).toMatchObject({ exec: false, step: "host name", errno: "EINVAL" });
    expect(why.call).toMatch(/^sethostname\("x+", 80\)$/);
  });

  it("names a host step that was refused, and the child never was", async () => {
    const { failure: why, outcomes } = await failure(
      node.run({
        command: ["/bin/true"],
        alter: (plan) => ({
          ...plan,
          prepare: [{ kind: "call", name: "impossible", call: "openat", args: [-100, "/nope", 0] }, ...plan.prepare],
        }),
      }),
    );
    expect(why).toMatchObject({ step: "impossible", errno: "ENOENT" });
    expect(outcomes.child).toEqual([]);
  });

  it("leaves no process, and no mount in the supervisor's namespace", async () => {
    const mounts = (): string => execFileSync("grep", ["-c", node.folder, "/proc/self/mountinfo"], { encoding: "utf8" });
    const none = (): string => {
      try {
        return mounts();
      } catch {
        return "0\n";
      }
    };
    await failure(
      node.run({
        command: ["/bin/true"],
        attachedLayers: true,
        alter: (plan) => ({
          ...plan,
          // The overlay is refused after the layers were attached.
          parked: plan.parked.map((step) =>
            step.name === "configure root: upperdir" && step.kind === "call"
              ? { ...step, args: [...step.args.slice(0, 3), "/nope", 0] }
              : step,
          ),
        }),
      }),
    );
    expect(none()).toBe("0\n");
    const children = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").trim();
    expect(children).toBe("");
  });

  it("ends a child that nobody releases when its supervisor lets go of the pipe", async () => {
    const { failure: why } = await failure(
      node.run({
        command: ["/bin/true"],
        alter: (plan) => ({
          ...plan,
          child: plan.child.map((step) =>
            step.name === "take the release" ? { ...step, args: [{ result: RELEASE_READ }, { bytes: "AAAA" }, 0] } : step,
          ),
        }),
      }),
    );
    expect(why).toMatchObject({ step: "take the release" });
  });
});

describe("a process in a running container", () => {
  it("shares its namespaces, cgroup and filter, and is killed with it", async () => {
    await using container = await node.start({ command: ["/bin/sleep", "60"] });
    const { stdout } = await node.exec(container, [
      "/bin/sh",
      "-c",
      "for n in pid mnt net uts ipc cgroup user; do [ $(readlink /proc/1/ns/$n) = $(readlink /proc/self/ns/$n) ] && echo same; done; grep -E 'Seccomp:|CapEff|NoNewPrivs' /proc/self/status; cat /proc/self/cgroup /proc/1/cgroup | sort | uniq -u | wc -l",
    ]);
    expect(stdout.match(/same/g)).toHaveLength(7);
    expect(stdout).toMatch(/CapEff:\s*00000000a80425fb/);
    expect(stdout).toMatch(/NoNewPrivs:\s*1/);
    expect(stdout).toMatch(/Seccomp:\s*2/);
    expect(stdout.trim().endsWith("\n0")).toBe(true);
  });

  it("returns its own exit code", async () => {
    await using container = await node.start({ command: ["/bin/sleep", "60"] });
    const { status } = await node.exec(container, ["/bin/sh", "-c", "exit 42"]);
    expect(status).toEqual({ code: 42, signal: null });
  });

  it("is not found or not executable as docker says it", async () => {
    await using container = await node.start({ command: ["/bin/sleep", "60"] });
    const { failure: why } = await failure(node.exec(container, ["/bin/nope"]));
    expect(why).toMatchObject({ exec: true, errno: "ENOENT" });
  });
});
