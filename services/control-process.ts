import { join } from "node:path";
import { homeLayout } from "#contracts/home.ts";
import { connectPlatform } from "#messaging/connect.ts";
import { StoreGuard } from "#messaging/nats-server/store-guard.ts";
import { openAccountAuthority } from "#messaging/identity/account-authority.ts";
import type { Telemetry } from "#telemetry/start.ts";
import { type ApiServer, startApiServer } from "./api/api-server.ts";
import { startController } from "./controller/controller.ts";
import type { ControlEnvironment } from "./environment.ts";
import { collectSpans } from "./observe/collect-spans.ts";
import { TraceStore } from "./observe/trace-store.ts";
import { ClusterState } from "./state/cluster-state.ts";
import { logToStderr } from "./state/log.ts";
import { Resync } from "./state/resync.ts";
import { versionInfo } from "./version-info.ts";

export interface ControlProcess extends AsyncDisposable {
  api: ApiServer;
}

/**
 * Starts all that the control process is made of, from the connection up. It keeps nothing that is not in NATS: what a killed one has
 * begun, the next one finishes. Resolves when the API serves; `signal` ends the wait for NATS.
 */
export async function startControlProcess(
  environment: ControlEnvironment,
  signal: AbortSignal,
  telemetry?: Telemetry,
): Promise<ControlProcess> {
  const { node, natsUrl, natsCreds, apiPort, socketGroupId } = environment;
  const home = homeLayout(environment.home);
  const log = logToStderr("control");
  await using resources = new AsyncDisposableStack();
  const traces = resources.use(new TraceStore({ path: join(home.traces, "spans.db"), ...environment.traces }, log));
  if (telemetry !== undefined) resources.use(telemetry.shipTo((batch) => traces.add(batch)));
  const store = resources.use(new StoreGuard({ home, log }));
  const link = { url: natsUrl, credsFile: natsCreds, name: "control", signal, log, onStoreStuck: store.stuck };
  const platform = resources.use(await connectPlatform(link));
  const authority = resources.use(await openAccountAuthority({ url: natsUrl, keys: home.keys, signal }));
  const state = resources.use(await ClusterState.open(platform, log, signal));
  resources.use(collectSpans(platform, traces));
  resources.use(new Resync(state, platform, log));
  resources.use(startController({ platform, state, authority, node, log }));
  const api = await startApiServer({
    state,
    platform,
    traces,
    home,
    node,
    log,
    version: versionInfo(node, home.processes),
    ...(apiPort === undefined ? {} : { port: apiPort }),
    ...(socketGroupId === undefined ? {} : { socketGroupId }),
  });
  resources.use(api);
  const moved = resources.move();
  return { api, [Symbol.asyncDispose]: () => moved.disposeAsync() };
}
