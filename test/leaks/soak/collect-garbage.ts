import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { WebSocket } from "ws";

/** For the server's environment: a process's inspector, opened by SIGUSR1, then chooses a port of its own. */
export const INSPECTABLE = { NODE_OPTIONS: "--inspect-port=0" };

const OPENS_WITHIN_MS = 30_000;
const RETRY_MS = 20;
/** /proc/net/tcp: 127.0.0.1 as the kernel writes it, and the state LISTEN. */
const LOOPBACK = "0100007F";
const LISTEN = "0A";

/** Has a Node process collect its garbage, through its inspector; the bytes that are then used on its heap. */
export async function collectGarbage(pid: number): Promise<number> {
  // node(1): SIGUSR1 starts the inspector; one that is open stays.
  process.kill(pid, "SIGUSR1");
  const targets = await fetch(`http://127.0.0.1:${await inspectorPort(pid)}/json/list`);
  const [target] = (await targets.json()) as { webSocketDebuggerUrl: string }[];
  const socket = new WebSocket(target!.webSocketDebuggerUrl);
  await once(socket, "open");
  try {
    // Twice: what finalizers let go of in the first is garbage in the second.
    await ask(socket, 1, "HeapProfiler.collectGarbage");
    await ask(socket, 2, "HeapProfiler.collectGarbage");
    return (await ask<{ usedSize: number }>(socket, 3, "Runtime.getHeapUsage")).usedSize;
  } finally {
    socket.close();
    await once(socket, "close");
  }
}

async function ask<Result>(socket: WebSocket, id: number, method: string): Promise<Result> {
  socket.send(JSON.stringify({ id, method }));
  for (;;) {
    const [data] = (await once(socket, "message")) as [Buffer];
    const answer = JSON.parse(data.toString()) as { id?: number; result: Result };
    if (answer.id === id) return answer.result;
  }
}

export async function inspectorPort(pid: number): Promise<number> {
  const deadline = performance.now() + OPENS_WITHIN_MS;
  for (;;) {
    const port = listeningOnLoopback(pid);
    if (port !== undefined) return port;
    if (performance.now() > deadline) throw new Error(`process ${pid} opened no inspector`);
    await delay(RETRY_MS);
  }
}

function listeningOnLoopback(pid: number): number | undefined {
  const sockets = new Set(
    readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
      } catch {
        return undefined;
      }
    }),
  );
  const rows = readFileSync("/proc/net/tcp", "utf8")
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/));
  const row = rows.find(([, local = "", , state, , , , , , inode]) => {
    return local.startsWith(`${LOOPBACK}:`) && state === LISTEN && sockets.has(inode);
  });
  return row === undefined ? undefined : Number.parseInt(row[1]!.slice(LOOPBACK.length + 1), 16);
}
