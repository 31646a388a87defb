import type { Socket } from "node:net";
import { ATTACH_CHANNEL, encodeFrame } from "#contracts/attach.ts";
import type { ExecRequest } from "#contracts/api.ts";
import { toSlipwayError } from "#contracts/slipway-error.ts";
import type { MessageStream } from "#messaging/platform.ts";
import { Attachments } from "../../container/attachments.ts";
import { execInContainer, type ExecProcess } from "../../container/exec-process.ts";
import type { Instance } from "../../container/instance.ts";
import type { NodeServices } from "../../container/node-services.ts";
import { execCandidates } from "../../container/process-spec.ts";
import { readRootFile } from "../../container/root-file.ts";
import { signalNumber } from "../../container/signals.ts";
import { resolveUser } from "../../container/user.ts";
import type { ProcessLaunch } from "../../launch/container-launch.ts";
import type { NodeAgent } from "../node-agent.ts";
import { findInstance } from "./find-instance.ts";
import type { NodeStreamHandlers } from "./serve-operations.ts";

/** A supervisor that replaces itself is back sooner. */
const SUPERVISOR_WAIT_MS = 5_000;

/** A process in a running container, its streams the caller's. It is killed when the caller goes away. */
export function execOperation(agent: NodeAgent, node: NodeServices): NodeStreamHandlers["exec"] {
  return async ({ instanceId, request }, stream) => {
    const attachments = new Attachments();
    try {
      const instance = findInstance(agent, instanceId);
      const process = execProcess(node, instance, request);
      const signal = AbortSignal.timeout(SUPERVISOR_WAIT_MS);
      await using exec = await execInContainer(node, instance.container, {
        process,
        interactive: request.interactive,
        signal,
      });
      await relay(exec, attachments, stream);
    } catch (error) {
      const served = attachments.serve(stream, { stdin: async () => null, signal: async () => {} });
      await attachments.end(toSlipwayError(error));
      await served;
    }
  };
}

async function relay(exec: ExecProcess, attachments: Attachments, stream: MessageStream): Promise<void> {
  const served = attachments.serve(stream, {
    stdin: async () => exec.stdin,
    signal: (name) => exec.signal(signalNumber(name)),
  });
  await attachments.tell({ type: "started", pid: exec.pid });
  const output = Promise.all([forward(exec.stdout, "stdout", stream), forward(exec.stderr, "stderr", stream)]);
  const ended = async (): Promise<void> => {
    const { status } = await exec.exit;
    await output;
    await attachments.end({ exitCode: status.code ?? 255, oomKilled: false });
  };
  // A caller that went away ends `served` first; disposal then kills the process.
  await Promise.race([ended(), served]);
}

async function forward(source: Socket, channel: "stdout" | "stderr", stream: MessageStream): Promise<void> {
  try {
    for await (const chunk of source) await stream.send(encodeFrame(ATTACH_CHANNEL[channel], chunk as Buffer));
  } catch {
    // The caller or the process is gone: `relay` knows which.
  }
}

/** As the container's own process, but for what the request says. */
function execProcess(node: NodeServices, instance: Instance, request: ExecRequest): ProcessLaunch {
  const { process } = instance.container;
  const environment = new Map(
    process.env.map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]),
  );
  for (const [name, value] of Object.entries(request.environment)) environment.set(name, value);
  const user = request.user === undefined ? process : userOf(node, instance, request.user);
  return {
    ...process,
    uid: user.uid,
    gid: user.gid,
    groups: user.groups,
    argv: [...request.command],
    candidates: execCandidates(request.command[0] ?? "", environment.get("PATH")),
    env: [...environment].map(([name, value]) => `${name}=${value}`),
    workingDir: request.workingDir ?? process.workingDir,
  };
}

/** The container's own files, seen through its process: whatever its image and its upper directory say now. */
function userOf(node: NodeServices, { container }: Instance, user: string) {
  const root = [`/proc/${container.pid}/root`];
  const read = (path: string): string => readRootFile(node.kernel, root, path);
  return resolveUser(user, { passwd: read("/etc/passwd"), group: read("/etc/group") });
}
