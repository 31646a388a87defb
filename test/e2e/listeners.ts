import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** A listening TCP socket or a bound UDP one, and the process that has it. */
export interface Listener {
  pid: number;
  address: string;
  port: number;
}

const LISTEN = "0A";

/** What processes of the host's network namespace listen on, of /proc/net (proc_net_tcp(5)). */
export function listenersOf(pids: readonly number[]): Listener[] {
  const sockets = new Map(
    ["tcp", "tcp6"].flatMap((table) => readTable(table)).map(({ inode, ...place }) => [inode, place] as const),
  );
  return pids.flatMap((pid) =>
    socketsOf(pid).flatMap((inode) => {
      const place = sockets.get(inode);
      return place === undefined ? [] : [{ pid, ...place }];
    }),
  );
}

function readTable(table: string): { inode: string; address: string; port: number }[] {
  const lines = readFileSync(`/proc/net/${table}`, "utf8").trim().split("\n").slice(1);
  return lines
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === LISTEN)
    .map(([, local = "", , , , , , , , inode = ""]) => {
      const [address = "", port = ""] = local.split(":");
      return { inode, address: readable(address), port: Number.parseInt(port, 16) };
    });
}

/** In words of the host's byte order. */
function readable(hex: string): string {
  const words = hex.match(/.{8}/g) ?? [];
  const bytes = words.flatMap((word) => [...Buffer.from(word, "hex")].toReversed());
  if (bytes.every((byte) => byte === 0)) return bytes.length === 4 ? "0.0.0.0" : "::";
  return bytes.length === 4 ? bytes.join(".") : Buffer.from(bytes).toString("hex");
}

function socketsOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).flatMap((fd) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`${folder}/${fd}`))?.[1] ?? [];
    } catch {
      return [];
    }
  });
}
