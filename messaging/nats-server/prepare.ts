import { execFile } from "node:child_process";
import { glob, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { HomeLayout } from "#contracts/home.ts";
import { messagingError } from "../errors.ts";
import { openPlatformIdentity, type PlatformIdentity } from "../identity/platform-identity.ts";
import { makePrivateFolder, writeStateFile } from "../state-file.ts";
import { requirePrivateAddress, serverUrl } from "./listen-address.ts";
import type { NatsServerBinary } from "./locate.ts";
import { meansTheSame, renderServerConfig } from "./server-config.ts";
import { formatServerVersion } from "./server-version.ts";

const VALIDATION_TIMEOUT_MS = 10_000;

export interface PrepareOptions {
  home: Pick<HomeLayout, "hash" | "keys" | "nats">;
  /** A loopback or private interface's address; it must exist before the command is run. */
  listenAddress: string;
  port: number;
  binary: NatsServerBinary;
  signal?: AbortSignal;
}

/** How to run this home's nats-server, and how to connect to it. */
export interface PreparedNatsServer {
  command: string;
  args: string[];
  url: string;
  /** What it calls itself in its greeting, `slipway-<hash of the home>`. */
  serverName: string;
  configFile: string;
  /** False when the configuration of before says the same: a nats-server that runs on it need not be restarted. */
  configChanged: boolean;
  version: string;
  creds: PlatformIdentity["creds"];
  /** SIGTERM ends it at once: lame-duck mode is only entered by SIGUSR2. */
  stopSignal: "SIGTERM";
}

/**
 * Makes everything that nats-server needs in the home: identity, credentials, folders, configuration, which the binary itself then checks.
 * Called again on the same home it keeps all keys, so that credentials in use stay good, also those of a nats-server that runs.
 */
export async function prepareNatsServer(options: PrepareOptions): Promise<PreparedNatsServer> {
  const { home, binary, listenAddress, port } = options;
  requirePrivateAddress(listenAddress);
  await makePrivateFolder(home.nats);
  await removeDeletedAccounts(home.nats);
  const identity = await openPlatformIdentity(home.keys);
  const configFile = join(home.nats, "nats-server.conf");
  const serverName = `slipway-${home.hash}`;
  const rendered = renderServerConfig({ serverName, listenAddress, port, folder: home.nats, identity });
  const before = await readFile(configFile, "utf8").catch(() => "");
  await writeStateFile(configFile, rendered);
  await checkConfig(configFile, rendered, options);
  return {
    command: binary.path,
    args: ["-c", configFile],
    url: serverUrl(listenAddress, port),
    serverName,
    configFile,
    configChanged: !meansTheSame(before, rendered),
    version: formatServerVersion(binary.version),
    creds: identity.creds,
    stopSignal: "SIGTERM",
  };
}

/** What a nats-server that was configured otherwise kept of removed accounts. */
async function removeDeletedAccounts(folder: string): Promise<void> {
  for await (const name of glob("accounts/*.jwt.deleted", { cwd: folder })) await rm(join(folder, name), { force: true });
}

/** A disk that lies and a server that does not know an option are found here, not when the platform is half up. */
async function checkConfig(configFile: string, expected: string, options: PrepareOptions): Promise<void> {
  if ((await readFile(configFile, "utf8")) !== expected) {
    throw messagingError("SLIPWAY_MESSAGING_SERVER_CONFIG", `${configFile} does not read back as it was written`);
  }
  try {
    await promisify(execFile)(options.binary.path, ["-t", "-c", configFile], {
      timeout: VALIDATION_TIMEOUT_MS,
      ...(options.signal && { signal: options.signal }),
    });
  } catch (cause) {
    options.signal?.throwIfAborted();
    const said = (cause as { stderr?: string }).stderr?.trim() || (cause as Error).message;
    throw messagingError("SLIPWAY_MESSAGING_SERVER_CONFIG", `${options.binary.path} refuses ${configFile}: ${said}`, {
      cause,
    });
  }
}
