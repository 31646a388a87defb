import type { Socket } from "node:net";

/** Calls back with each line of a socket. (readline's Interface repeats the socket's errors as its own, unhandled.) */
export function receiveLines(socket: Socket, onLine: (line: string) => void): void {
  let rest = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  });
}
