import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { Socket } from "node:net";
import { join } from "node:path";
import type { ProcessLaunch, StdioPaths } from "../launch/container-launch.ts";
import { planExec } from "../launch/exec-plan.ts";
import type { ChildExit } from "../launch/children.ts";
import { containerError } from "./errors.ts";
import { launchError } from "./launch-failure.ts";
import type { NodeServices } from "./node-services.ts";
import { OPEN_FILES } from "./open-files.ts";
import type { RunningContainer } from "./running-container.ts";
import { createStreams, openForReading, openForWriting, removeStreams } from "./standard-streams.ts";

export interface ExecOptions {
  process: ProcessLaunch;
  /** Give it a stdin to write to; /dev/null when false. */
  interactive: boolean;
  /** Ends the wait for a supervisor that is away. */
  signal: AbortSignal;
}

/** A process of ours in a running container. Disposal kills it and removes its streams. */
export interface ExecProcess extends AsyncDisposable {
  readonly pid: number;
  readonly stdin: Socket | null;
  readonly stdout: Socket;
  readonly stderr: Socket;
  /** Resolves at its end. */
  readonly exit: Promise<ChildExit>;
  signal(signal: number): Promise<void>;
}

const SIGKILL = 9;

/** Where the FIFOs of all commands are. */
export const execStreams = (runFolder: string): string => join(runFolder, "x");

/**
 * Starts a process in the container's namespaces, cgroup and seccomp filter. Throws SLIPWAY_CONTAINER_COMMAND_NOT_FOUND and its like
 * with docker's exit codes 126 and 127, and SLIPWAY_LAUNCH_SUPERVISOR_AWAY.
 */
export async function execInContainer(
  node: NodeServices,
  container: RunningContainer,
  { process, interactive, signal }: ExecOptions,
): Promise<ExecProcess> {
  // It would be born frozen, and its launch would never end.
  if (container.cgroup.isFrozen)
    throw containerError("SLIPWAY_CONTAINER_PAUSED", `${container.instanceId} is paused: no process can be started in it`);
  await using acquired = new AsyncDisposableStack();
  const child = `${container.instanceId}.${randomBytes(4).toString("hex")}`;
  const stdio = streamPaths(node, child, interactive);
  await mkdir(execStreams(node.home.run), { recursive: true, mode: 0o700 });
  const owner = { uid: container.idBase + process.uid, gid: container.idBase + process.gid };
  createStreams(node.kernel, stdio, owner);
  acquired.defer(() => removeStreams(stdio));

  const plan = planExec({
    container: container.instanceId,
    process,
    stdio,
    cgroup: container.cgroup.membership,
    openFiles: OPEN_FILES,
  });
  const parked = await node.children.launch(child, plan, signal);
  if (parked.type === "failed") throw launchError(parked.failure, process.argv[0] ?? "");
  const exit = node.children.exitOf(child) as Promise<ChildExit>;
  const own = (socket: Socket): Socket => acquired.adopt(socket, (owned) => void owned.destroy());
  const stdout = own(readable(openForReading(node.kernel, stdio.stdout)));
  const stderr = own(readable(openForReading(node.kernel, stdio.stderr)));
  const stdin = stdio.stdin === null ? null : own(writable(openForWriting(node.kernel, stdio.stdin)));

  const started = await node.children.release(child);
  if (started.type === "failed") throw launchError(started.failure, process.argv[0] ?? "");
  acquired.defer(async () => {
    await node.children.signal(child, SIGKILL).catch(() => {});
    await exit;
    await node.children.forget(child);
  });
  const owned = acquired.move();
  return {
    pid: started.pid,
    stdin,
    stdout,
    stderr,
    exit,
    signal: (number) => node.children.signal(child, number),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function streamPaths(node: NodeServices, child: string, interactive: boolean): StdioPaths {
  const path = (stream: string): string => join(execStreams(node.home.run), `${child}.${stream}`);
  return { stdin: interactive ? path("in") : null, stdout: path("out"), stderr: path("err") };
}

function readable(fd: number): Socket {
  return new Socket({ fd, readable: true, writable: false });
}

function writable(fd: number): Socket {
  const socket = new Socket({ fd, readable: false, writable: true });
  // The process may end, or close its stdin, before everything is written.
  socket.on("error", () => socket.destroy());
  return socket;
}
