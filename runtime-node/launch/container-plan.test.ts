import { describe, expect, it } from "vitest";
import { capabilityMask } from "#kernel/capabilities.ts";
import {
  type ChildPlan,
  RELEASE_READ,
  RELEASE_WRITE,
  SECOND_PID,
  WAIT_FOR_RELEASE,
  WAIT_WITH_SHARED_FILES,
  WAITED_FOR,
} from "#kernel/plan/child-plan.ts";
import { formatStep } from "#kernel/plan/format-step.ts";
import type { StepArgument } from "#kernel/plan/step.ts";
import { planContainer } from "./container-plan.ts";
import { planExec } from "./exec-plan.ts";
import type { ContainerLaunch, LaunchMount } from "./container-launch.ts";

const INIT = { from: "memfd", saysExecutable: true } as const;
const ID_MAP = [{ inside: 0, outside: 0x4000_0000, count: 65_536 }];
const bind = (target: string, changes: Partial<Extract<LaunchMount, { kind: "bind" }>> = {}): LaunchMount => ({
  kind: "bind",
  source: `/host${target}`,
  target,
  file: false,
  readOnly: false,
  idmap: "container",
  recursive: false,
  propagation: "private",
  targetExists: false,
  ...changes,
});

const launch = (changes: Partial<ContainerLaunch> = {}): ContainerLaunch => ({
  instanceId: "0123456789ab",
  runFolder: "/run/slipway/h",
  idMap: { uid: ID_MAP, gid: ID_MAP },
  root: {
    layers: [
      { path: "/images/layers/base", idmapped: true },
      { path: "/images/layers/app", idmapped: true },
    ],
    detached: false,
    upper: "/i/upper",
    work: "/i/work",
    readOnly: false,
  },
  mounts: [
    bind("/etc/hosts", { file: true, idmap: null }),
    bind("/srv/data/deep"),
    bind("/srv/data", { readOnly: true }),
    { kind: "tmpfs", target: "/scratch", sizeBytes: 65_536, mode: 0o1777 },
  ],
  hostname: "web",
  process: {
    argv: ["web", "--port", "80"],
    candidates: ["/usr/bin/web", "/bin/web"],
    env: ["PATH=/usr/bin:/bin"],
    workingDir: "/srv/app",
    uid: 1000,
    gid: 1000,
    groups: [50],
    capabilities: ["CHOWN", "NET_BIND_SERVICE"] as ContainerLaunch["process"]["capabilities"],
    seccompFilter: Buffer.alloc(16).toString("base64"),
  },
  stdio: { stdin: null, stdout: "/i/out", stderr: "/i/err" },
  cgroup: { join: ["/cg/memory/x", "/cg/pids/x"], into: null, v1Hierarchies: ["memory", "pids"] },
  init: null,
  openFiles: { soft: 1024, hard: 4096 },
  oomScoreAdj: 0,
  ...changes,
});
const v2 = launch({ cgroup: { join: [], into: "/cg/x", v1Hierarchies: [] } });
const exec = (container: ContainerLaunch): ChildPlan => planExec({ container: "0123456789ab", ...container });

const plans: [string, ChildPlan][] = [
  ["a container on cgroup v1", planContainer(launch())],
  ["a container on cgroup v2", planContainer(v2)],
  ["a container with an init", planContainer(launch({ init: INIT }))],
  ["a read-only container", planContainer(launch({ root: { ...launch().root, readOnly: true } }))],
  ["an exec on cgroup v1", exec(launch())],
  ["an exec on cgroup v2", exec(v2)],
];

/** The names of the results that an argument uses. */
function resultsIn(argument: StepArgument): string[] {
  if (argument === null || typeof argument !== "object") return [];
  if ("result" in argument) return [argument.result];
  return "words" in argument ? argument.words.flatMap(resultsIn) : [];
}

const names = (steps: readonly { name: string }[]): string[] => steps.map(({ name }) => name);

describe.each(plans)("the plan of %s", (_, plan) => {
  const host = [...plan.prepare, ...plan.parked];

  it("has no two steps of one name", () => {
    const all = names([...host, ...plan.child]);
    expect(all.filter((name, index) => all.indexOf(name) !== index)).toEqual([]);
  });

  it("uses only results of earlier steps", () => {
    const known = new Set([RELEASE_READ, RELEASE_WRITE, SECOND_PID, WAITED_FOR]);
    for (const step of [...host, ...plan.child]) {
      const used = "args" in step ? step.args.flatMap(resultsIn) : [];
      expect(
        used.filter((name) => !known.has(name)),
        `what "${step.name}" uses`,
      ).toEqual([]);
      known.add(step.name);
    }
  });

  it("is data: it survives JSON, and every step can be printed", () => {
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
    for (const step of [...host, ...plan.child]) expect(formatStep(step)).toMatch(/^[a-z_0-9]+\(.*\)$/s);
  });

  it("waits for its release before anything else", () => {
    const wait = plan.sharesFilesUntil === undefined ? WAIT_FOR_RELEASE : WAIT_WITH_SHARED_FILES;
    expect(plan.child.slice(0, wait.length)).toEqual(wait);
    // It changes no fd before it has its own.
    if (plan.sharesFilesUntil !== undefined) expect(plan.sharesFilesUntil).toBe(wait.at(-1)?.name);
  });

  it("filters system calls last, with nothing after it but the program", () => {
    const calls = plan.child.map(({ call }) => call);
    const after = calls.slice(calls.indexOf("seccomp") + 1);
    const pastAnExec = plan.pidFrom === undefined ? [] : ["exit_group"];
    expect(after.filter((call) => call !== "execve" && call !== "execveat")).toEqual(pastAnExec);
    expect(calls.filter((call) => call === "seccomp")).toHaveLength(1);
  });

  it("gives privileges up before the filter: bounding set, groups, group, user, then no new ones", () => {
    const order = ["drop SYS_ADMIN", "supplementary groups", "become the group", "become the user", "no new privileges"];
    const at = order.map((name) => names(plan.child).indexOf(name));
    expect(at).not.toContain(-1);
    expect(at).toEqual(at.toSorted((a, b) => a - b));
    expect(names(plan.child).indexOf("filter system calls")).toBeGreaterThan(at.at(-1) ?? 0);
  });

  it("lets no fd of the supervisor through: 0 to 2 are set, all others are closed", () => {
    const order = names(plan.child).filter((name) => / is [012]$|^close the rest/.test(name));
    expect(order).toEqual(["stdin is 0", "stdout is 1", "stderr is 2", "close the rest"]);
    const opened = host.filter((step) => step.kind === "call" && step.call === "openat");
    expect(opened.every((step) => step.kind === "call" && formatStep(step).includes("O_CLOEXEC"))).toBe(true);
  });
});

describe("the plan of a container", () => {
  const plan = planContainer(launch());
  const indexOf = (name: string): number => names(plan.child).indexOf(name);

  it("makes these calls, in this order", async () => {
    const lines = [
      ...plan.prepare.map((step) => `prepare  ${formatStep(step)}`),
      ...plan.parked.map((step) => `parked   ${formatStep(step)}`),
      ...plan.child.map((step) => `child    ${formatStep(step)}`),
      ...plan.cleanup.map((step) => `cleanup  ${formatStep(step)}`),
    ];
    await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot("container-plan.snapshot.txt");
  });

  it("attaches outer mounts before inner ones, each after its mount point is made", () => {
    const attached = names(plan.child).filter((name) => /^attach \/(etc|srv|scratch)/.test(name));
    expect(attached).toEqual(["attach /scratch", "attach /etc/hosts", "attach /srv/data", "attach /srv/data/deep"]);
    for (const target of ["/srv/data", "/srv/data/deep"])
      expect(indexOf(`make ${target} for ${target}`)).toBeLessThan(indexOf(`attach ${target}`));
  });

  it("opens every bind on the host, so that the child resolves no path of it", () => {
    const opened = plan.parked.flatMap((step) => (step.kind === "call" && step.call === "open_tree" ? [step.args[1]] : []));
    expect(opened).toEqual(expect.arrayContaining(["/host/etc/hosts", "/host/srv/data", "/host/srv/data/deep"]));
    expect(JSON.stringify(plan.child)).not.toContain("/host/");
  });

  it("takes no link in the source of a bind that was found to have none", () => {
    const { parked } = planContainer(launch({ mounts: [bind("/srv", { withoutLinks: true })] }));
    const steps = parked.filter(({ name }) => name.endsWith(" /srv") || name.endsWith(" of /srv"));
    expect(steps.map((step) => formatStep(step)).slice(0, 2)).toEqual([
      'openat2(AT_FDCWD, "/host/srv", {O_PATH|O_CLOEXEC, 0, RESOLVE_NO_SYMLINKS}, 24)',
      'open_tree(<source of /srv>, "", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_EMPTY_PATH)',
    ]);
  });

  it("makes mounts safe, and read-only or idmapped as they are asked for", () => {
    const restrict = (target: string): string => {
      const step = plan.parked.find(({ name }) => name === `restrict ${target}`);
      return step === undefined ? "" : formatStep(step);
    };
    expect(restrict("/srv/data")).toContain("{MOUNT_ATTR_NOSUID|MOUNT_ATTR_NODEV|MOUNT_ATTR_RDONLY|MOUNT_ATTR_IDMAP,");
    expect(restrict("/srv/data/deep")).toContain("{MOUNT_ATTR_NOSUID|MOUNT_ATTR_NODEV|MOUNT_ATTR_IDMAP,");
    expect(restrict("/etc/hosts")).toContain("{MOUNT_ATTR_NOSUID|MOUNT_ATTR_NODEV, 0, MS_PRIVATE, 0}");
  });

  it("opens proc and sysfs while the host's are in sight, and attaches them in the new root", () => {
    for (const [open, attach] of [
      ["mount proc", "attach /proc"],
      ["mount sysfs", "attach /sys"],
      ["device null", "attach /dev/null"],
    ] as const) {
      expect(indexOf(open)).toBeLessThan(indexOf("drop the old root"));
      expect(indexOf(attach)).toBeGreaterThan(indexOf("drop the old root"));
    }
  });

  it("attaches volumes and binds before there is a /proc, whose links lead to what the supervisor has open", () => {
    const lastMount = names(plan.child).findLastIndex((name) => /^(attach|make) \/(etc|srv|scratch)/.test(name));
    expect(indexOf("attach /proc")).toBeGreaterThan(lastMount);
    expect(plan.child.some(({ args }) => args[0] === "/dev/null")).toBe(false);
  });

  it.each([plan, exec(launch())])("goes to its working directory when nothing but its streams is open", ({ child }) => {
    const order = names(child);
    expect(order.indexOf("working directory")).toBeGreaterThan(order.indexOf("close the rest"));
    expect(child.find(({ name }) => name === "close the rest")?.args).toEqual([3, 0xffffffff, 0]);
  });

  it("masks /proc after the last thing that it writes there", () => {
    expect(indexOf("open low ports")).toBeLessThan(indexOf("make /proc/sys read-only"));
  });

  it("shifts the layers' ids by the container's own map, once that is written", () => {
    const order = names(plan.parked);
    expect(order.indexOf("container's id map")).toBeGreaterThan(order.indexOf("map the gids"));
    expect(plan.parked.some(({ kind }) => kind === "user-namespace")).toBe(false);
  });

  it("makes the root read-only when every mount point is there", () => {
    const readOnly = names(planContainer(launch({ root: { ...launch().root, readOnly: true } })).child);
    const lastMade = readOnly.findLastIndex((name) => name.startsWith("make /srv"));
    expect(readOnly.indexOf("make the root read-only")).toBeGreaterThan(lastMade);
  });

  it("detaches every layer when it has failed, and goes on where there is none", () => {
    expect(names(plan.cleanup)).toEqual(["detach layer 0, if a step failed", "detach layer 1, if a step failed"]);
    expect(plan.cleanup.every((step) => "tolerate" in step && step.tolerate?.includes("EINVAL"))).toBe(true);
  });

  it("stacks layers that are mounted nowhere where the kernel takes them, the uppermost first", () => {
    const { parked, cleanup } = planContainer(launch({ root: { ...launch().root, detached: true } }));
    const lines = parked.map((step) => formatStep(step));
    expect(lines.filter((line) => line.includes("lowerdir"))).toEqual([
      'fsconfig(<open root>, FSCONFIG_SET_FD, "lowerdir+", NULL, <layer 1>)',
      'fsconfig(<open root>, FSCONFIG_SET_FD, "lowerdir+", NULL, <layer 0>)',
    ]);
    expect(lines.filter((line) => /^(move_mount|umount2|chdir)/.test(line))).toEqual([]);
    expect(cleanup).toEqual([]);
  });

  it("joins v1 groups before all else, and is born in a v2 group", () => {
    const first = WAIT_WITH_SHARED_FILES.length;
    expect(names(plan.child).slice(first, first + 2)).toEqual(["join /cg/memory/x", "join /cg/pids/x"]);
    expect(plan.intoCgroup).toBeUndefined();
    const onV2 = planContainer(v2);
    expect([onV2.child[first]?.name, onV2.intoCgroup]).toEqual(["own session", "cgroup"]);
  });

  it("tries the command along PATH; only the last refusal is one", () => {
    const tried = plan.child.filter(({ call }) => call === "execve");
    expect(tried.map(({ args, tolerate }) => [args[0], tolerate])).toEqual([
      ["/usr/bin/web", ["ENOENT", "ENOTDIR", "EACCES"]],
      ["/bin/web", undefined],
    ]);
  });

  it("sets permitted and effective to what the service may, and inheritable to nothing", () => {
    const step = plan.child.find(({ call }) => call === "capset");
    const data = step?.args[1];
    const bytes =
      typeof data === "object" && data !== null && "bytes" in data ? Buffer.from(data.bytes, "base64") : Buffer.alloc(0);
    const mask = Number(capabilityMask(launch().process.capabilities));
    expect([0, 4, 8, 12, 16, 20].map((offset) => bytes.readUInt32LE(offset))).toEqual([mask, mask, 0, 0, 0, 0]);
  });

  it("with an init executes that from its sealed file, and leaves signals blocked until it takes them", () => {
    const { prepare, child } = planContainer(launch({ init: INIT }));
    expect(names(prepare).slice(-3)).toEqual(["init", "write the init", "seal the init"]);
    expect(formatStep(child.at(-1) ?? { name: "", call: "getpid", args: [] })).toBe(
      'execveat(3, "", ["slipway-init", "/usr/bin/web", "/bin/web", "", "web", "--port", "80"], ["PATH=/usr/bin:/bin"], AT_EMPTY_PATH)',
    );
    expect(names(child)).not.toContain("unblock all signals");
  });

  it("takes the init from a file where memfds cannot be executed, and says of no memfd what the kernel does not know", () => {
    const file = planContainer(launch({ init: { from: "file", path: "/home/init" } })).prepare.at(-1)!;
    expect(formatStep(file)).toBe('openat(AT_FDCWD, "/home/init", O_RDONLY|O_CLOEXEC, 0)');
    const old = planContainer(launch({ init: { from: "memfd", saysExecutable: false } })).prepare.at(-3)!;
    expect(formatStep(old)).toBe('memfd_create("slipway-init", MFD_CLOEXEC|MFD_ALLOW_SEALING)');
  });
});

describe("the plan of an exec", () => {
  const plan = exec(launch());

  it("joins its groups, every namespace at once, then clones into the pid namespace, and the first child ends", () => {
    const then = plan.child.slice(WAIT_FOR_RELEASE.length).map(({ name }) => name);
    expect(then.slice(0, 3)).toEqual(["join /cg/memory/x", "join /cg/pids/x", "join the namespaces"]);
    expect(plan.child.find(({ name }) => name === plan.pidFrom)?.branch).toBe(plan.child.at(-1)?.name);
    expect(plan.child.at(-1)?.call).toBe("exit_group");
  });

  it("is seen by the container's processes for three calls only", () => {
    const order = names(plan.child);
    const visible = order.slice(order.indexOf("clone into the pid namespace") + 1, -1);
    expect(visible).toEqual(["own session", "filter system calls", "exec /usr/bin/web", "exec /bin/web"]);
  });

  it("makes no namespace and no mount", () => {
    expect(plan.namespaces).toEqual([]);
    const calls = [...plan.prepare, ...plan.child].map((step) => ("call" in step ? step.call : step.kind));
    expect(calls.filter((call) => /mount|open_tree|fsopen|pivot/.test(call))).toEqual([]);
  });
});
