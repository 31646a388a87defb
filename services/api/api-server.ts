import { once } from "node:events";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createApp } from "./app.ts";
import type { ApiContext } from "./api-context.ts";
import { UpgradeServer } from "./attach/upgrade-server.ts";
import { Authentication } from "./listeners/authentication.ts";
import { loadOrCreateToken } from "./listeners/bearer-token.ts";
import { listenOnUnixSocket } from "./listeners/unix-socket.ts";

export interface ApiServerOptions extends Omit<ApiContext, "closing"> {
  /** Also listen on 127.0.0.1: a port, 0 for any. */
  port?: number;
  /** A group whose members may use the unix socket. */
  socketGroupId?: number;
}

export interface ApiServer extends AsyncDisposable {
  socketPath: string;
  /** Where it listens on TCP. */
  port: number | undefined;
}

/** Serves the API on the home's unix socket, and on TCP when there is a port. Disposal ends what goes on, then closes. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { port, socketGroupId, home } = options;
  await using resources = new AsyncDisposableStack();
  const closing = new AbortController();
  const context: ApiContext = { ...options, closing: closing.signal };
  const authentication = new Authentication(await loadOrCreateToken(join(home.keys, "api-token")));
  const upgrades = new UpgradeServer(context, authentication);

  const servers = [createServer(), ...(port === undefined ? [] : [createServer()])] as const;
  const app = await createApp(context, authentication, (handler) => {
    for (const server of servers) server.on("request", handler);
    return servers[0];
  });
  resources.defer(() => app.close());
  const [local, tcp] = servers;
  authentication.trust(local);
  const groupId = socketGroupId === undefined ? {} : { groupId: socketGroupId };
  resources.use(await listenOnUnixSocket(local, { path: home.apiSocket, ...groupId }));
  if (tcp !== undefined) await listenOnLoopback(tcp, port);
  for (const server of servers) {
    upgrades.serve(server);
    resources.defer(() => closeServer(server));
  }
  resources.use(upgrades);
  resources.defer(() => closing.abort(new Error("the API closes")));
  const moved = resources.move();
  return {
    socketPath: home.apiSocket,
    port: tcp === undefined ? undefined : (tcp.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}

async function listenOnLoopback(server: Server, port: number | undefined): Promise<void> {
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), CLOSE_PATIENCE_MS);
  await closed;
  clearTimeout(timer);
}

/** What answers under way get when the API closes; those that follow something were told to end. */
const CLOSE_PATIENCE_MS = 1_000;
