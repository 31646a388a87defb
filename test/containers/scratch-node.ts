import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { Socket } from "node:net";
import type { DeviceMapping, ResourceLimits } from "#contracts/service-spec.ts";
import { flagBits } from "#kernel/constants.ts";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { stacksDetachedLayers } from "#kernel/detached-layers.ts";
import type { ExitStatus } from "#kernel/pidfd.ts";
import type { ChildPlan } from "#kernel/plan/child-plan.ts";
import { ContainerCgroup, removeCgroupParents } from "#runtime-node/cgroup/container-cgroup.ts";
import { deviceRules } from "#runtime-node/cgroup/device-rules.ts";
import { findCgroupHierarchies } from "#runtime-node/cgroup/hierarchy.ts";
import { createDeviceNodes } from "#runtime-node/container/device-nodes.ts";
import { containerIdMap } from "#runtime-node/container/id-map.ts";
import { initSource } from "#runtime-node/container/init-source.ts";
import { OPEN_FILES } from "#runtime-node/container/open-files.ts";
import { resolvePrivileges } from "#runtime-node/container/privileges.ts";
import { createStreams, openForReading, openForWriting } from "#runtime-node/container/standard-streams.ts";
import type { ContainerLaunch, InitSource, LaunchMount, ProcessLaunch } from "#runtime-node/launch/container-launch.ts";
import { planContainer } from "#runtime-node/launch/container-plan.ts";
import { planExec } from "#runtime-node/launch/exec-plan.ts";
import type { LaunchAnswer } from "#runtime-node/launch/protocol.ts";
import { ChildTable } from "#runtime-node/supervisor/child-table.ts";

export interface ScratchOptions {
  command: string[];
  env?: string[];
  user?: { uid: number; gid: number; groups?: number[] };
  capAdd?: string[];
  capDrop?: string[];
  limits?: ResourceLimits;
  /** Beside the standard ones. */
  devices?: DeviceMapping[];
  oomScoreAdj?: number;
  mounts?: LaunchMount[];
  readOnly?: boolean;
  /** As on a kernel that stacks no detached layers. */
  attachedLayers?: boolean;
  workingDir?: string;
  idBase?: number;
  /** True: as this kernel wants it. */
  init?: boolean | InitSource;
  interactive?: boolean;
  hostname?: string;
  /** Changes the finished plan, to make steps fail on purpose. */
  alter?(plan: ChildPlan): ChildPlan;
}

export interface ScratchRun {
  status: ExitStatus;
  stdout: string;
  stderr: string;
  oomKills: number;
}

const FIRST_ID_BASE = 0x5000_0000;

/**
 * A node without an agent: a busybox root on a file system that can be idmapped, a supervisor's child table in this process, and
 * one call to run a container on it. What it made is gone when it is disposed.
 */
export class ScratchNode implements AsyncDisposable {
  readonly kernel = new LinuxKernel();
  readonly folder: string;
  readonly cgroups = findCgroupHierarchies();
  readonly hash = randomBytes(4).toString("hex");
  readonly children: ChildTable;
  readonly #stacksDetached: boolean;
  readonly #exits = new Map<string, PromiseWithResolvers<ExitStatus>>();
  #count = 0;

  /** @param stateFolder where the table of children is written: in production a file system in memory, /run */
  constructor(stateFolder?: string) {
    // Layers are attached while an overlay is made: in a mount namespace of this thread's own, so that none can leak.
    this.kernel.call("unshare", flagBits(["CLONE_NEWNS"]));
    this.kernel.call("mount", null, "/", null, flagBits(["MS_REC", "MS_SLAVE"]), null);
    this.folder = mkdtempSync(join(process.env["SLIPWAY_TEST_DISK"] ?? tmpdir(), "slw-"));
    chmodSync(this.folder, 0o711);
    for (const path of ["run/r", "run/m"]) mkdirSync(join(this.folder, path), { recursive: true, mode: 0o711 });
    for (let index = 0; index < 8; index++) mkdirSync(join(this.folder, "run/m", String(index)));
    this.#makeLayer();
    this.#stacksDetached = stacksDetachedLayers(this.kernel, join(this.folder, "run"));
    this.children = new ChildTable(this.kernel, join(stateFolder ?? this.folder, "children.json"));
    this.children.onExit(({ child, state }) => {
      if (state.type === "exited") this.#exit(child).resolve(state.status);
    });
  }

  /** Runs a shell line in a container of its own and returns what came of it. */
  sh(line: string, options: Omit<ScratchOptions, "command"> = {}): Promise<ScratchRun> {
    return this.run({ ...options, command: ["/bin/sh", "-c", line] });
  }

  /** Runs a command to its end; throws the failure of a launch that failed. */
  async run(options: ScratchOptions): Promise<ScratchRun> {
    await using container = await this.start(options);
    const [status, stdout, stderr] = await Promise.all([container.exit, container.stdout, container.stderr]);
    return { status, stdout, stderr, oomKills: container.cgroup.oomKills() };
  }

  /** Starts a container and leaves it running until it is disposed. */
  async start(options: ScratchOptions): Promise<ScratchContainer> {
    const id = `c${++this.#count}`;
    const idBase = options.idBase ?? FIRST_ID_BASE + this.#count * 65_536;
    await using acquired = new AsyncDisposableStack();
    const cgroup = new ContainerCgroup(this.cgroups, this.hash, id);
    cgroup.create(options.limits ?? {});
    acquired.defer(() => cgroup.remove());
    const init = options.init === true ? await initSource(this.folder) : options.init || null;
    cgroup.restrictDevices(this.kernel, deviceRules(options.devices ?? []));
    const nodes = createDeviceNodes(this.kernel, join(this.folder, id, "devices"), options.devices ?? [], idBase);
    const mounts = [...(options.mounts ?? []), ...nodes];
    const launch = { ...this.#launch(id, idBase, { ...options, mounts }, cgroup), init };
    createStreams(this.kernel, launch.stdio, { uid: idBase, gid: idBase });
    const plan = planContainer(launch);
    const answer = await this.children.launch(id, options.alter?.(plan) ?? plan);
    if (answer.type !== "parked") throw new LaunchFailed(answer);
    const stdout = collect(
      new Socket({ fd: openForReading(this.kernel, launch.stdio.stdout), readable: true, writable: false }),
    );
    const stderr = collect(
      new Socket({ fd: openForReading(this.kernel, launch.stdio.stderr), readable: true, writable: false }),
    );
    const stdin = launch.stdio.stdin === null ? null : openForWriting(this.kernel, launch.stdio.stdin);
    const running = await this.children.release(id);
    if (running.type !== "running") {
      await Promise.all([stdout, stderr]);
      throw new LaunchFailed(running);
    }
    const exit = this.#exit(id).promise;
    acquired.defer(async () => {
      if (this.children.reports().some(({ child, state }) => child === id && state.type === "running"))
        this.children.signal(id, 9);
      await exit;
      this.children.forget(id);
      await Promise.all([stdout, stderr]);
      rmSync(join(this.folder, id), { recursive: true });
    });
    const owned = acquired.move();
    return {
      id,
      idBase,
      pid: running.pid,
      outcomes: running.outcomes,
      plan,
      launch,
      cgroup,
      exit,
      stdout,
      stderr,
      stdin,
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  }

  /** A second process in a running container. */
  async exec(
    container: ScratchContainer,
    command: string[],
    process: Partial<ProcessLaunch> = {},
    alter: NonNullable<ScratchOptions["alter"]> = (plan) => plan,
  ): Promise<ScratchRun> {
    const id = `${container.id}.${++this.#count}`;
    const path = (name: string): string => join(this.folder, `${id}.${name}`);
    const stdio = { stdin: null, stdout: path("out"), stderr: path("err") };
    createStreams(this.kernel, stdio, { uid: container.idBase, gid: container.idBase });
    try {
      const plan = alter(
        planExec({
          container: container.id,
          process: { ...container.launch.process, argv: command, candidates: [command[0] ?? ""], ...process },
          stdio,
          cgroup: container.cgroup.membership,
          openFiles: OPEN_FILES,
        }),
      );
      const answer = await this.children.launch(id, plan);
      if (answer.type !== "parked") throw new LaunchFailed(answer);
      const stdout = collect(
        new Socket({ fd: openForReading(this.kernel, stdio.stdout), readable: true, writable: false }),
      );
      const stderr = collect(
        new Socket({ fd: openForReading(this.kernel, stdio.stderr), readable: true, writable: false }),
      );
      const running = await this.children.release(id);
      if (running.type !== "running") throw new LaunchFailed(running);
      const status = await this.#exit(id).promise;
      this.children.forget(id);
      return { status, stdout: await stdout, stderr: await stderr, oomKills: 0 };
    } finally {
      for (const name of ["out", "err"]) rmSync(path(name), { force: true });
    }
  }

  /** Also ends what a failing test left running. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { child, state } of this.children.reports()) {
      if (state.type !== "running") continue;
      this.children.signal(child, 9);
      await this.#exit(child).promise;
      await new ContainerCgroup(this.cgroups, this.hash, child).remove();
    }
    this.children[Symbol.dispose]();
    removeCgroupParents(this.cgroups, this.hash);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #exit(child: string): PromiseWithResolvers<ExitStatus> {
    const exit = this.#exits.get(child) ?? Promise.withResolvers<ExitStatus>();
    this.#exits.set(child, exit);
    return exit;
  }

  #launch(id: string, idBase: number, options: ScratchOptions, cgroup: ContainerCgroup): Omit<ContainerLaunch, "init"> {
    const folder = join(this.folder, id);
    for (const name of ["upper", "work"]) mkdirSync(join(folder, name), { recursive: true });
    chownSync(join(folder, "upper"), idBase, idBase);
    const { uid = 0, gid = 0, groups = [] } = options.user ?? {};
    return {
      instanceId: id,
      runFolder: join(this.folder, "run"),
      idMap: containerIdMap(idBase),
      root: {
        layers: [{ path: join(this.folder, "layer"), idmapped: true }],
        detached: options.attachedLayers !== true && this.#stacksDetached,
        upper: join(folder, "upper"),
        work: join(folder, "work"),
        readOnly: options.readOnly ?? false,
      },
      mounts: options.mounts ?? [],
      hostname: options.hostname ?? "scratch",
      process: {
        argv: options.command,
        candidates: [options.command[0] ?? ""],
        env: options.env ?? ["PATH=/bin"],
        workingDir: options.workingDir ?? "/",
        uid,
        gid,
        groups,
        ...resolvePrivileges({ mounts: [], capAdd: options.capAdd ?? [], capDrop: options.capDrop ?? [] }),
      },
      stdio: {
        stdin: options.interactive === true ? join(folder, "in") : null,
        stdout: join(folder, "out"),
        stderr: join(folder, "err"),
      },
      cgroup: cgroup.membership,
      openFiles: OPEN_FILES,
      oomScoreAdj: options.oomScoreAdj ?? 0,
    };
  }

  #makeLayer(): void {
    const layer = join(this.folder, "layer");
    for (const path of ["bin", "etc", "tmp", "data"]) mkdirSync(join(layer, path), { recursive: true });
    copyFileSync("/bin/busybox", join(layer, "bin/busybox"));
    for (const applet of execFileSync("/bin/busybox", ["--list"], { encoding: "utf8" }).trim().split("\n")) {
      if (applet !== "busybox") symlinkSync("busybox", join(layer, "bin", applet));
    }
    writeFileSync(join(layer, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1000:web:/home/web:/bin/sh\n");
    writeFileSync(join(layer, "etc/group"), "root:x:0:\nweb:x:1000:\nstaff:x:50:web\n");
    chmodSync(join(layer, "tmp"), 0o1777);
  }
}

export interface ScratchContainer extends AsyncDisposable {
  id: string;
  idBase: number;
  pid: number;
  outcomes: Extract<LaunchAnswer, { type: "running" }>["outcomes"];
  plan: ChildPlan;
  launch: ContainerLaunch;
  cgroup: ContainerCgroup;
  exit: Promise<ExitStatus>;
  stdout: Promise<string>;
  stderr: Promise<string>;
  /** The writing end of its stdin, when interactive. */
  stdin: number | null;
}

/** A launch did not end in a running process. */
export class LaunchFailed extends Error {
  readonly answer: Extract<LaunchAnswer, { type: "failed" }>;

  constructor(answer: LaunchAnswer) {
    super(answer.type === "failed" ? answer.failure.message : answer.type);
    this.answer = answer as Extract<LaunchAnswer, { type: "failed" }>;
  }
}

async function collect(socket: Socket): Promise<string> {
  let text = "";
  for await (const chunk of socket.setEncoding("utf8")) text += String(chunk);
  return text;
}
