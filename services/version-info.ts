import { readFile } from "node:fs/promises";
import { release } from "node:os";
import type { VersionInfo } from "#contracts/api.ts";
import { packageVersion as readPackageVersion } from "#contracts/package-version.ts";
import type { ProcessRecord } from "#contracts/process-record.ts";
import { locateNatsServer } from "#messaging/nats-server/locate.ts";
import { formatServerVersion } from "#messaging/nats-server/server-version.ts";

/** What runs here; nats-server's version, which takes a process, is found out when first asked for. `processes`: the supervisor's file. */
export function versionInfo(node: string, processes: string): () => Promise<VersionInfo> {
  let natsServer: Promise<string> | undefined;
  return async () => ({
    version: readPackageVersion(),
    node,
    runtime: `node ${process.version}`,
    kernel: `Linux ${release()}`,
    natsServer: await (natsServer ??= natsServerVersion()),
    processes: await readProcesses(processes),
  });
}

function natsServerVersion(): Promise<string> {
  return locateNatsServer().then(
    (binary) => formatServerVersion(binary.version),
    () => "unknown",
  );
}

/** Without a supervisor on this machine there are none to tell of. */
async function readProcesses(file: string): Promise<ProcessRecord[]> {
  const text = await readFile(file, "utf8").catch(() => "[]");
  return JSON.parse(text) as ProcessRecord[];
}

/** The version of this package. */
export async function packageVersion(): Promise<string> {
  return readPackageVersion();
}
