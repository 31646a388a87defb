import { toSlipwayError } from "#contracts/slipway-error.ts";
import { ApiClient } from "./api/client.ts";
import { apiTarget } from "./api/target.ts";
import { parseFlags } from "./arguments/parse-flags.ts";
import { callerOf } from "./caller.ts";
import { inCommandTrace } from "./command-trace.ts";
import { cliError, QuietExit } from "./errors.ts";
import { findVerb } from "./find-verb.ts";
import { generalHelp, groupHelp, verbHelp } from "./help-text.ts";
import { printError } from "./output/print-error.ts";
import { printTraceId } from "./output/trace-id.ts";
import type { Terminal } from "./output/terminal.ts";
import type { SignalRouter } from "./signal-router.ts";
import type { Verb } from "./verb.ts";
import { loadAll, VERBS } from "./verbs.ts";

export interface CommandContext {
  environment: Readonly<Record<string, string | undefined>>;
  terminal: Terminal;
  signals: Pick<SignalRouter, "signal" | "take">;
}

/** From a command line to an exit code; what went wrong has been printed. */
export async function runCommand(args: readonly string[], context: CommandContext): Promise<number> {
  const { terminal, signals } = context;
  // Known before the flags are read, since these may be what is wrong.
  const json = args.some(
    (arg, index) =>
      arg === "--output=json" || arg === "-ojson" || (arg === "json" && /^(-o|--output)$/.test(args[index - 1] ?? "")),
  );
  try {
    return await dispatch(args, context);
  } catch (error) {
    const reason: unknown = signals.signal.aborted ? signals.signal.reason : error;
    if (reason instanceof QuietExit) return reason.exitCode;
    const failure = toSlipwayError(reason);
    printError(terminal, failure, json);
    return failure.exitCode;
  }
}

async function dispatch(args: readonly string[], context: CommandContext): Promise<number> {
  const { stdout } = context.terminal;
  const [first] = args;
  if (first === undefined || first === "--help" || first === "-h") {
    stdout.write(generalHelp(await loadAll()));
    return 0;
  }
  const found = findVerb(VERBS, first === "--version" ? ["version"] : args);
  if (found.verb !== undefined) return runVerb(await found.verb.load(), found.rest, context);
  if (found.rest.length === 0 || found.rest[0] === "--help" || found.rest[0] === "-h") {
    stdout.write(groupHelp(await loadAll(), first));
    return 0;
  }
  throw cliError("SLIPWAY_CLI_USAGE", `slipway ${first} has no verb ${JSON.stringify(found.rest[0])}`, {
    remedy: `\`slipway help ${first}\` lists them.`,
  });
}

async function runVerb(verb: Verb, args: readonly string[], context: CommandContext): Promise<number> {
  const { environment, terminal, signals } = context;
  const { flags, operands, json, help } = parseFlags(verb, args);
  if (help) {
    terminal.stdout.write(verbHelp(verb));
    return 0;
  }
  const open = (traceparent: string): ApiClient =>
    new ApiClient({
      target: apiTarget(environment),
      token: environment.SLIPWAY_TOKEN,
      traceparent,
      caller: callerOf(environment),
    });
  return inCommandTrace({ verb: verb.name, traced: verb.traced !== undefined, environment, api: open }, async (api) => {
    const takeSignals = (onSignal: (name: NodeJS.Signals) => void): Disposable => signals.take(onSignal);
    const call = { flags: flags as never, operands, json, environment, terminal, api, signal: signals.signal, takeSignals };
    const exitCode = (await verb.run(call)) ?? 0;
    if (verb.traced === "told" && !json) printTraceId({ api, terminal });
    return exitCode;
  });
}
