import { Socket } from "node:net";
import { trace } from "@opentelemetry/api";
import type { ContainerLaunch } from "../launch/container-launch.ts";
import type { ChildExit } from "../launch/children.ts";
import { planContainer } from "../launch/container-plan.ts";
import type { LaunchAnswer } from "../launch/protocol.ts";
import type { ContainerFiles } from "./container-files.ts";
import { inStage } from "./instance-trace.ts";
import { launchError } from "./launch-failure.ts";
import { launchReport } from "./launch-report.ts";
import { spanLaunch } from "./launch-spans.ts";
import type { ConnectedNetworks, ContainerLogs, NodeServices } from "./node-services.ts";
import { openForWriting } from "./standard-streams.ts";
import type { StartRequest } from "./start-container.ts";

export interface Launched {
  networks: ConnectedNetworks;
  logs: ContainerLogs;
  stdin: Socket | null;
  running: Extract<LaunchAnswer, { type: "running" }>;
  exit: Promise<ChildExit>;
}

/** The child waits while its network is wired and its logs are opened; then it is released. */
export async function launchParked(
  node: NodeServices,
  request: StartRequest,
  launch: ContainerLaunch,
  files: ContainerFiles,
  signal: AbortSignal,
  acquired: AsyncDisposableStack,
): Promise<Launched> {
  const { folder, assignment } = request;
  const { instanceId } = assignment;
  const plan = planContainer(launch);
  const command = launch.process.argv[0] ?? "";
  const startedAt = Date.now();
  const parked = await node.children.launch(instanceId, plan, signal);
  if (parked.type !== "parked") {
    if (parked.type === "failed") folder.saveLaunchReport(launchReport(instanceId, plan, parked.outcomes, false));
    throw parked.type === "failed"
      ? launchError(parked.failure, command)
      : new Error("a child was released before it was asked to be");
  }
  const exit = node.children.exitOf(instanceId) as Promise<ChildExit>;
  let released = false;
  acquired.defer(async () => {
    if (!released) await node.children.abort(instanceId).catch(() => {});
  });
  const wired = await wireParked(node, request, launch, { files, pid: parked.pid }, signal, acquired).catch(
    async (error: unknown) => {
      await node.children.requireParked(instanceId);
      throw error;
    },
  );
  const { pid, startTime } = parked;
  await request.onParked({ pid, startTime, networks: wired.networks, process: launch.process });
  signal.throwIfAborted();

  released = true;
  const answer = await node.children.release(instanceId);
  if (answer.type === "parked") throw new Error("a released child still waits");
  spanLaunch(trace.getActiveSpan(), plan, answer.outcomes, startedAt);
  folder.saveLaunchReport(launchReport(instanceId, plan, answer.outcomes, answer.type === "running"));
  if (answer.type === "failed") throw launchError(answer.failure, command);
  return { ...wired, running: answer, exit };
}

/** What needs the child's namespaces, and must be there before its first instruction. */
async function wireParked(
  node: NodeServices,
  { assignment, folder, onOutput }: StartRequest,
  { hostname, stdio }: ContainerLaunch,
  { files, pid }: { files: ContainerFiles; pid: number },
  signal: AbortSignal,
  acquired: AsyncDisposableStack,
): Promise<Pick<Launched, "networks" | "logs" | "stdin">> {
  const networks = await inStage("connect networks", () => node.networks.connect(assignment, pid, signal));
  acquired.defer(() => node.networks.disconnect(assignment.instanceId));
  files.writeNetwork(hostname, Object.values(networks.addresses), networks.nameServers);
  const logs = acquired.use(node.logs.capture(assignment, stdio.stdout, stdio.stderr, folder.logs));
  logs.subscribe(onOutput);
  if (stdio.stdin === null) return { networks, logs, stdin: null };
  const stdin = acquired.adopt(stdinWriter(node, stdio.stdin), (socket) => void socket.destroy());
  return { networks, logs, stdin };
}

/** Opened before the release: a program that reads a FIFO without a writer sees its end at once. */
function stdinWriter(node: NodeServices, path: string): Socket {
  const socket = new Socket({ fd: openForWriting(node.kernel, path), readable: false, writable: true });
  // The program may end, or close its stdin, before everything is written.
  socket.on("error", () => socket.destroy());
  return socket;
}
