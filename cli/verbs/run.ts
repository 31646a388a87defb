import type { RunRequest } from "#contracts/api.ts";
import { ObservedInstance } from "#contracts/instance.ts";
import { connectWebSocket } from "../attach/connect.ts";
import { joinStreams } from "../attach/join-streams.ts";
import { waitUntilStarted } from "../follow/instance.ts";
import { RUN_FLAGS, runSpec } from "../run-spec.ts";
import { resolveNetwork } from "../run-network.ts";
import { defineVerb } from "../verb.ts";

export const run = defineVerb({
  name: "run",
  operands: "IMAGE [COMMAND…]",
  minimumOperands: 1,
  stopAtOperand: true,
  summary: "run one container",
  details: `Flags end at IMAGE: what follows is the container's command. \`host\` is the machine's own read-only /usr, /bin and /lib.
Exits with the command's code; 125 when it is Slipway that failed, 126 when the command is not executable, 127 when it is not there.`,
  flags: {
    ...RUN_FLAGS,
    rm: { type: "boolean", help: "remove the container when it ends" },
    detach: { type: "boolean", short: "d", help: "print its id and return when it has started" },
    interactive: { type: "boolean", short: "i", help: "forward stdin" },
    network: { type: "string", value: "NAME", help: "a project's network (shop_default), or none" },
  },
  async run({ flags, operands, api, environment, terminal, signal, takeSignals }) {
    const [image, ...command] = operands as [string, ...string[]];
    const network = await resolveNetwork(api, flags.network, signal);
    const request: RunRequest = {
      spec: runSpec({ flags, image, command, networks: network.networks, environment }),
      ...(network.project === undefined ? {} : { project: network.project }),
      interactive: flags.interactive,
      attach: !flags.detach,
      removeOnExit: flags.rm,
    };
    const instance = await api.json(ObservedInstance, { method: "POST", path: ["instances"], body: request, signal });
    if (flags.detach) {
      await waitUntilStarted(api, instance, signal);
      terminal.stdout.write(`${instance.instanceId}\n`);
      return 0;
    }
    const socket = await connectWebSocket(api, ["instances", instance.instanceId, "attach"], {}, signal);
    return joinStreams({ socket, terminal, interactive: flags.interactive, takeSignals });
  },
});
