import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

const RETRY_MS = 15;

/** Where a server is expected, and its name: another one may be there already. */
export interface ExpectedServer {
  host: string;
  port: number;
  serverName: string;
}

/** Resolves when the server greets a connection (its INFO line, with its name); tries again until the signal aborts. */
export async function waitUntilServerGreets(server: ExpectedServer, signal: AbortSignal): Promise<void> {
  while (!(await greets(server, signal))) await delay(RETRY_MS, undefined, { signal });
}

async function greets({ host, port, serverName }: ExpectedServer, signal: AbortSignal): Promise<boolean> {
  signal.throwIfAborted();
  const socket = connect({ host, port });
  try {
    const [greeting] = (await once(socket, "data", { signal })) as [Buffer];
    const line = greeting.toString("utf8");
    return line.startsWith("INFO ") && line.includes(`"server_name":${JSON.stringify(serverName)}`);
  } catch (error) {
    if (signal.aborted) throw error;
    return false;
  } finally {
    socket.destroy();
  }
}
