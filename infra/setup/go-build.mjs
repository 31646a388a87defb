import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { SetupError } from "./setup-error.mjs";

/**
 * Builds a Go program's pinned version; Go's checksum database vouches for its source.
 * @param {string} module
 * @param {string} version
 * @param {string} cache
 * @param {import("./progress.mjs").Progress} progress
 * @returns {Promise<Buffer | undefined>} undefined when there is no go
 */
export async function buildWithGo(module, version, cache, progress) {
  if (spawnSync("go", ["version"], { stdio: "ignore" }).status !== 0) return undefined;
  await mkdir(cache, { recursive: true });
  const output = await mkdtemp(join(cache, "go-"));
  try {
    progress.doing(`nats-server ${version}: building it with go (a minute or two)`);
    const { status } = spawnSync("go", ["install", "-trimpath", `${module}@v${version}`], {
      env: { ...process.env, GOBIN: output, CGO_ENABLED: "0" },
      stdio: ["ignore", "inherit", "inherit"],
    });
    if (status === 0) return await readFile(join(output, "nats-server"));
    throw new SetupError("SLIPWAY_SETUP_GO_FAILED", `"go install ${module}@v${version}" ended with exit code ${status}`, {
      remedy: "See go's message above; a newer Go or a reachable module proxy may be needed, or install pip instead.",
    });
  } finally {
    await rm(output, { recursive: true, force: true });
  }
}
