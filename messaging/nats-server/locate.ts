import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { PACKAGE_ROOT } from "#contracts/process-entry.ts";
import { messagingError } from "../errors.ts";
import {
  canKeepAcknowledgedWrites,
  formatServerVersion,
  parseServerVersion,
  type ServerVersion,
} from "./server-version.ts";

const VERSION_TIMEOUT_MS = 10_000;

export interface NatsServerBinary {
  path: string;
  version: ServerVersion;
  /** Where it was found: SLIPWAY_NATS_SERVER, PATH, or what set-up fetched. */
  source: "environment" | "path" | "setup";
}

export interface LocateOptions {
  environment?: Record<string, string | undefined>;
  /** Where `npm run setup` puts `.slipway/bin/nats-server`. */
  packageRoot?: string;
  signal?: AbortSignal;
}

/**
 * Finds a nats-server that keeps what it acknowledges: the one named in SLIPWAY_NATS_SERVER, else the first fit one on PATH,
 * else what set-up fetched. Throws SLIPWAY_MESSAGING_SERVER_UNSUPPORTED when all that is there is unfit, and
 * SLIPWAY_MESSAGING_SERVER_MISSING when there is none.
 */
export async function locateNatsServer(options: LocateOptions = {}): Promise<NatsServerBinary> {
  const refused: string[] = [];
  const looked: string[] = [];
  for (const candidate of candidates(options)) {
    looked.push(candidate.path);
    if (!(await isExecutable(candidate.path))) continue;
    const version = await readVersion(candidate.path, options.signal);
    if (version !== undefined && canKeepAcknowledgedWrites(version)) return { ...candidate, version };
    refused.push(`${candidate.path} (${version === undefined ? "not a nats-server" : formatServerVersion(version)})`);
    if (candidate.source === "environment") break;
  }
  if (refused.length > 0) {
    throw messagingError(
      "SLIPWAY_MESSAGING_SERVER_UNSUPPORTED",
      `no nats-server that keeps acknowledged writes: found ${refused.join(", ")}`,
    );
  }
  throw messagingError("SLIPWAY_MESSAGING_SERVER_MISSING", `no nats-server: looked for ${looked.join(", ")}`);
}

function* candidates(options: LocateOptions): Generator<Pick<NatsServerBinary, "path" | "source">> {
  const environment = options.environment ?? process.env;
  const named = environment.SLIPWAY_NATS_SERVER;
  if (named !== undefined && named !== "") {
    // Whoever names one means that one: nothing else is tried.
    yield { path: named, source: "environment" };
    return;
  }
  for (const folder of (environment.PATH ?? "").split(delimiter)) {
    if (folder !== "") yield { path: join(folder, "nats-server"), source: "path" };
  }
  yield { path: join(options.packageRoot ?? PACKAGE_ROOT, ".slipway", "bin", "nats-server"), source: "setup" };
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function readVersion(path: string, signal: AbortSignal | undefined): Promise<ServerVersion | undefined> {
  try {
    const { stdout } = await promisify(execFile)(path, ["--version"], {
      timeout: VERSION_TIMEOUT_MS,
      ...(signal && { signal }),
    });
    return parseServerVersion(stdout);
  } catch (error) {
    signal?.throwIfAborted();
    if ((error as NodeJS.ErrnoException).code === "ABORT_ERR") throw error;
    return undefined;
  }
}
