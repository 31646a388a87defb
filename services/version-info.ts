import { readFile } from "node:fs/promises";
import { release } from "node:os";
import { join } from "node:path";
import type { VersionInfo } from "#contracts/api.ts";
import { PACKAGE_ROOT } from "#contracts/process-entry.ts";
import { locateNatsServer } from "#messaging/nats-server/locate.ts";
import { formatServerVersion } from "#messaging/nats-server/server-version.ts";

/** What runs here, found out when first asked for: nats-server's version takes a process. */
export function versionInfo(node: string): () => Promise<VersionInfo> {
  let found: Promise<VersionInfo> | undefined;
  return () => (found ??= readVersions(node));
}

async function readVersions(node: string): Promise<VersionInfo> {
  const version = await packageVersion();
  const natsServer = await locateNatsServer().then(
    (binary) => formatServerVersion(binary.version),
    () => "unknown",
  );
  return { version, node, runtime: `node ${process.version}`, kernel: `Linux ${release()}`, natsServer };
}

/** The version of this package. */
export async function packageVersion(): Promise<string> {
  const manifest = JSON.parse(await readFile(join(PACKAGE_ROOT, "package.json"), "utf8")) as { version: string };
  return manifest.version;
}
