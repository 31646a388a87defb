import { once } from "node:events";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import type { UpgradeLine, UpgradeRequest } from "#contracts/server-upgrade.ts";

/** One connection to a supervisor's upgrade socket: sends the request and yields each line until the other side closes. */
export async function* converse(path: string, request: UpgradeRequest, signal: AbortSignal): AsyncGenerator<UpgradeLine> {
  const socket = connect({ path, signal });
  try {
    await once(socket, "connect");
    socket.write(`${JSON.stringify(request)}\n`);
    // A supervisor that is killed resets the connection; that it is gone is for the caller to see.
    socket.on("error", () => socket.destroy());
    for await (const line of createInterface(socket)) yield JSON.parse(line) as UpgradeLine;
  } finally {
    socket.destroy();
  }
}
