import type { ExecRequest } from "#contracts/api.ts";
import { listInstances } from "../api/resources.ts";
import { connectWebSocket } from "../attach/connect.ts";
import { ForwardedSignals } from "../attach/forwarded-signals.ts";
import { joinStreams } from "../attach/join-streams.ts";
import { projectAtHand } from "../project-of.ts";
import { findReference } from "../reference.ts";
import { defineVerb } from "../verb.ts";

export const exec = defineVerb({
  name: "exec",
  operands: "INSTANCE|SERVICE COMMAND…",
  minimumOperands: 2,
  stopAtOperand: true,
  summary: "run a process in a running container",
  details: `In the container's namespaces, cgroup and seccomp filter. Exits with the command's code (125, 126 and 127 as \`slipway run\`).`,
  traced: "silently",
  flags: {
    user: { type: "string", short: "u", value: "USER[:GROUP]", help: "names or numbers" },
    env: {
      type: "string",
      short: "e",
      multiple: true,
      value: "KEY[=VALUE]",
      help: "an environment variable; without a value that of the shell",
    },
    workdir: { type: "string", short: "w", value: "DIR", help: "the working directory" },
    interactive: { type: "boolean", short: "i", help: "forward stdin" },
    project: { type: "string", short: "p", value: "NAME", help: "the project that SERVICE is of" },
  },
  async run({ flags, operands, api, environment, terminal, signal, takeSignals }) {
    const [name, ...command] = operands as [string, ...string[]];
    const all = await listInstances(api, { all: true }, signal);
    const { ref } = findReference(name, all, await projectAtHand(flags.project, undefined, environment));
    const request: ExecRequest = {
      command,
      environment: readEnvironment(flags.env, environment),
      ...(flags.user === undefined ? {} : { user: flags.user }),
      ...(flags.workdir === undefined ? {} : { workingDir: flags.workdir }),
      interactive: flags.interactive,
    };
    const query = { request: Buffer.from(JSON.stringify(request)).toString("base64url") };
    using signals = new ForwardedSignals(takeSignals);
    const socket = await connectWebSocket(api, ["instances", ref, "exec"], query, signals.cancelled);
    return await joinStreams({ socket, terminal, interactive: flags.interactive, signals });
  },
});

function readEnvironment(
  flags: readonly string[],
  shell: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const pairs = flags.map((text): [string, string | undefined] => {
    const equals = text.indexOf("=");
    return equals < 0 ? [text, shell[text]] : [text.slice(0, equals), text.slice(equals + 1)];
  });
  return Object.fromEntries(pairs.filter((pair): pair is [string, string] => pair[1] !== undefined));
}
