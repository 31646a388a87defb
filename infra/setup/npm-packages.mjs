import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { SetupError } from "./setup-error.mjs";

/**
 * @typedef {{ version?: string, optional?: boolean }} LockedPackage
 * @typedef {{ packages: Record<string, LockedPackage> }} Lockfile
 */

/**
 * Installs what the lockfile says unless it is there. Compared by content and not by time: a fresh checkout's files are all
 * of one moment.
 * @param {string} root
 * @param {import("./progress.mjs").Progress} progress
 * @returns {Promise<boolean>} whether something was installed
 */
export async function ensureNpmPackages(root, progress) {
  const locked = await readLockfile(join(root, "package-lock.json"));
  // An installed package of ours has no lockfile: npm put its dependencies there already.
  if (locked === undefined) return false;
  const missing = missingPackages(locked, await readLockfile(join(root, "node_modules/.package-lock.json")));
  if (missing.length === 0) {
    progress.found(`npm packages: ${Object.keys(locked.packages).length - 1} as locked`);
    return false;
  }
  progress.doing(`npm packages: installing ${missing.length} (${missing.slice(0, 3).join(", ")}…) with npm ci`);
  installLocked(root);
  return true;
}

/**
 * The packages that are locked but not installed in that version. One that is optional may be absent: it is for another
 * architecture.
 * @param {Lockfile} locked
 * @param {Lockfile | undefined} installed npm's own record of node_modules
 */
export function missingPackages(locked, installed) {
  return Object.entries(locked.packages)
    .filter(([path, { version, optional }]) => {
      if (path === "") return false;
      const present = installed?.packages[path];
      return present === undefined ? installed === undefined || optional !== true : present.version !== version;
    })
    .map(([path]) => path.replace(/^.*node_modules\//, ""));
}

/** @param {string} root */
function installLocked(root) {
  const { status, error } = spawnSync("npm", ["ci", "--include=dev", "--include=optional", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (status === 0) return;
  throw new SetupError(
    "SLIPWAY_SETUP_NPM_FAILED",
    `"npm ci" in ${root} ended with ${error?.message ?? `exit code ${status}`}`,
    {
      remedy: "See npm's own message above; check the network and npm's registry setting, then run `npm run setup` again.",
      cause: error,
    },
  );
}

/**
 * @param {string} path
 * @returns {Promise<Lockfile | undefined>}
 */
async function readLockfile(path) {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === "ENOENT") return undefined;
    throw error;
  }
}
