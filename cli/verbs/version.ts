import type { VersionInfo } from "#contracts/api.ts";
import { hasCode } from "#contracts/slipway-error.ts";
import type { ApiClient } from "../api/client.ts";
import { getVersion } from "../api/resources.ts";
import { packageVersion } from "#contracts/package-version.ts";
import { printJson } from "../output/table.ts";
import { defineVerb } from "../verb.ts";

export const version = defineVerb({
  name: "version",
  summary: "print the version of this command and of the server",
  flags: {},
  async run({ api, signal, terminal, json }) {
    const client = { version: packageVersion(), node: process.version };
    const server = await serverVersion(api, signal);
    if (json) {
      printJson(terminal, { client, server: server ?? null });
      return;
    }
    terminal.stdout.write(`slipway ${client.version} (Node ${client.node})\n`);
    terminal.stdout.write(server === undefined ? "server: not running\n" : formatServer(server));
  },
});

function formatServer(server: VersionInfo): string {
  const head = `server ${server.version} on node ${server.node} (${server.runtime}, nats-server ${server.natsServer}, ${server.kernel})\n`;
  return (
    head +
    server.processes.map((process) => `  ${process.name.padEnd(12)} ${process.version} (pid ${process.pid})\n`).join("")
  );
}

/** That no server runs is an answer here, not an error. */
async function serverVersion(api: ApiClient, signal: AbortSignal): Promise<VersionInfo | undefined> {
  try {
    return await getVersion(api, signal);
  } catch (error) {
    if (hasCode(error, "SLIPWAY_CLI_SERVER_NOT_RUNNING")) return undefined;
    throw error;
  }
}
