import type { Platform } from "#messaging/platform.ts";
import type { Log } from "#services/state/log.ts";
import type { ClusterState } from "#services/state/cluster-state.ts";
import { ControlLoop } from "./control-loop.ts";
import { type Authority, CredentialsDesk } from "./credentials-desk.ts";
import { Executor } from "./executor.ts";
import { type AskGateway, askWhetherInForce } from "./gateway-drains.ts";
import { WaitTeller } from "./wait-teller.ts";

export interface ControllerOptions {
  platform: Platform;
  state: ClusterState;
  authority: Authority;
  /** The node that new instances go to. */
  node: string;
  log: Log;
}

/** Starts the controller: the credentials desk, then the loop whose instances will ask it. Disposal ends both, and no instance. */
export function startController(options: ControllerOptions): AsyncDisposable {
  const { platform, state, authority, node, log } = options;
  const resources = new AsyncDisposableStack();
  resources.use(new CredentialsDesk({ platform, state, authority, log }));
  const executor = new Executor({
    platform,
    state,
    node,
    removeAccount: (project) => authority.removeProjectAccount(project),
  });
  const waits = resources.use(new WaitTeller((event) => platform.events.append(event), log));
  const askGateway: AskGateway = (question, signal) => askWhetherInForce(platform, question, signal);
  resources.use(new ControlLoop({ state, executor, waits, askGateway, node, log }));
  return resources;
}
