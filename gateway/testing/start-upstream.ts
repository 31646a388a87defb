import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { RouteTarget } from "#contracts/route.ts";

export interface TestUpstream extends AsyncDisposable {
  readonly server: Server;
  readonly port: number;
  /** Each request's head, as it arrived. */
  readonly requests: IncomingMessage[];
  target(state?: RouteTarget["state"]): RouteTarget;
  /** Ends it as a kill would: listener and connections at once. */
  kill(): Promise<void>;
}

let instances = 0;

/** A real HTTP/1.1 server on loopback that stands for a container. */
export async function startUpstream(listener: RequestListener): Promise<TestUpstream> {
  const requests: IncomingMessage[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    requests.push(request);
    listener(request, response);
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const instanceId = (++instances).toString(16).padStart(12, "0");
  const kill = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, "close");
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return {
    server,
    port,
    requests,
    target: (state = "ready") => ({ instanceId, address: "127.0.0.1", port, state }),
    kill,
    [Symbol.asyncDispose]: kill,
  };
}
