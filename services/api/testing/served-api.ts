import { rm } from "node:fs/promises";
import { join } from "node:path";
import { connectPlatform } from "#messaging/connect.ts";
import type {
  NodeAnswer,
  NodeOpening,
  NodeRequest,
  NodeRequestOperation,
  NodeStreamOperation,
} from "#contracts/node-operations.ts";
import { nodeSubject } from "#contracts/subjects.ts";
import type { MessageStream, Platform } from "#messaging/platform.ts";
import { ScratchServer } from "#messaging/testing/scratch-server.ts";
import { TraceStore } from "#services/observe/trace-store.ts";
import { ClusterState } from "#services/state/cluster-state.ts";
import { ReportingNode } from "#services/state/testing/reporting-node.ts";
import { type ApiServer, startApiServer } from "../api-server.ts";
import { ApiClient } from "./api-client.ts";

export const NODE = "n1";

/** For tests: the API on a real nats-server, without a controller, and the connection of a node's agent. */
export interface ServedApi extends AsyncDisposable {
  server: ScratchServer;
  api: ApiServer;
  client: ApiClient;
  state: ClusterState;
  /** As the agent connects: a test answers a node's operations on it. */
  agent: Platform;
  node: ReportingNode;
  /** What the API logged. */
  logged: string[];
  /** As the agent's `serve`, resolved when the server knows of it. */
  answer<Name extends NodeRequestOperation>(
    operation: Name,
    handler: (request: NodeRequest<Name>) => Promise<NodeAnswer<Name>>,
  ): Promise<AsyncDisposable>;
  /** As the agent's `serveStreams`, resolved when the server knows of it. */
  answerStreams<Name extends NodeStreamOperation>(
    operation: Name,
    handler: (opening: NodeOpening<Name>, stream: MessageStream) => Promise<void>,
  ): Promise<AsyncDisposable>;
}

export async function serveApi(): Promise<ServedApi> {
  await using resources = new AsyncDisposableStack();
  const logged: string[] = [];
  const log = (message: string, error?: unknown): void => void logged.push(`${message}: ${String(error)}`);
  const server = resources.use(await ScratchServer.start());
  resources.defer(() => rm(server.home.run, { recursive: true, force: true }));
  const platform = resources.use(await connectPlatform({ ...server.as("control"), log }));
  const agent = resources.use(await connectPlatform({ ...server.as("agent"), log }));
  const state = resources.use(await ClusterState.open(platform, log, AbortSignal.timeout(10_000)));
  const node = resources.use(await ReportingNode.start(agent, NODE));
  const settings = { path: join(server.home.traces, "spans.db"), maxAgeMs: 3_600_000, maxBytes: 16 * 1024 ** 2 };
  const traces = resources.use(new TraceStore(settings, log));
  const version = { version: "1.2.3", node: NODE, runtime: "node", kernel: "Linux", natsServer: "2" };
  const options = { state, platform, traces, home: server.home, node: NODE, nodePatienceMs: 1_000, log, port: 0 };
  const api = resources.use(await startApiServer({ ...options, version: async () => ({ ...version, processes: [] }) }));
  const client = new ApiClient({ socketPath: api.socketPath });
  const known = async (serving: AsyncDisposable): Promise<AsyncDisposable> => {
    await agent.flush();
    return serving;
  };
  const moved = resources.move();
  return {
    server,
    api,
    client,
    state,
    agent,
    node,
    logged,
    answer: (operation, handler) => known(agent.serve(nodeSubject(NODE, operation), handler)),
    answerStreams: (operation, handler) => known(agent.serveStreams(nodeSubject(NODE, operation), handler)),
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}
