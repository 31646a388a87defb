import type { RunRequest } from "#contracts/api.ts";
import type { ObservedInstance } from "#contracts/instance.ts";
import { removeInstance } from "../api/resources.ts";
import { connectWebSocket } from "../attach/connect.ts";
import { ForwardedSignals } from "../attach/forwarded-signals.ts";
import { joinStreams } from "../attach/join-streams.ts";
import { QuietExit } from "../errors.ts";
import { waitUntilStarted } from "../follow/instance.ts";
import { printTraceId } from "../output/trace-id.ts";
import { RUN_FLAGS, runSpec } from "../run-spec.ts";
import { resolveNetwork } from "../run-network.ts";
import { defineVerb, type Invocation } from "../verb.ts";

export const run = defineVerb({
  name: "run",
  operands: "IMAGE [COMMAND…]",
  minimumOperands: 1,
  stopAtOperand: true,
  summary: "run one container",
  details: `Flags end at IMAGE: what follows is the container's command. \`host\` is the machine's own read-only /usr, /bin and /lib.
Exits with the command's code; 125 when it is Slipway that failed, 126 when the command is not executable, 127 when it is not there.`,
  traced: "silently",
  flags: {
    ...RUN_FLAGS,
    rm: { type: "boolean", help: "remove the container when it ends" },
    detach: { type: "boolean", short: "d", help: "print its id and return when it has started" },
    interactive: { type: "boolean", short: "i", help: "forward stdin" },
    network: { type: "string", value: "NAME", help: "a project's network (shop_default), or none" },
  },
  async run(invocation) {
    const { flags, operands, api, environment, signal, takeSignals } = invocation;
    const [image, ...command] = operands as [string, ...string[]];
    const network = await resolveNetwork(api, flags.network, signal);
    const request: RunRequest = {
      spec: runSpec({ flags, image, command, networks: network.networks, environment }),
      ...(network.project === undefined ? {} : { project: network.project }),
      interactive: flags.interactive,
      attach: !flags.detach,
      removeOnExit: flags.rm,
    };
    using signals = new ForwardedSignals(takeSignals);
    const instance = await api.one<ObservedInstance>({ method: "POST", path: ["instances"], body: request, signal });
    try {
      return await (flags.detach ? startDetached(invocation, instance, signals) : attach(invocation, instance, signals));
    } catch (error) {
      // Nobody waits for it any more: it must not start when we have left.
      if (error instanceof QuietExit) await removeInstance(api, instance.instanceId, true, signal);
      throw error;
    }
  },
});

type RunInvocation = Pick<Invocation, "api" | "terminal" | "signal"> & { flags: { interactive: boolean } };

async function startDetached(
  { api, terminal }: RunInvocation,
  instance: ObservedInstance,
  { cancelled }: ForwardedSignals,
): Promise<number> {
  await waitUntilStarted(api, instance, cancelled);
  terminal.stdout.write(`${instance.instanceId}\n`);
  printTraceId({ api, terminal });
  return 0;
}

async function attach(
  { api, terminal, flags }: RunInvocation,
  instance: ObservedInstance,
  signals: ForwardedSignals,
): Promise<number> {
  const socket = await connectWebSocket(api, ["instances", instance.instanceId, "attach"], {}, signals.cancelled);
  return joinStreams({ socket, terminal, interactive: flags.interactive, signals });
}
