import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** @typedef {{ name: string, probe: string, takesOver: boolean }} SystemPackage */

const PROGRAM_FOLDERS = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
const LIBRARY_FOLDERS = ["/usr/local/lib", "/usr/lib", "/usr/lib64", "/lib", "/lib64"];
const APT = ["-o", "DPkg::Lock::Timeout=300", "-qq"];

/**
 * Installs those of a list's packages that the machine lacks, where it can: with apt-get, as root.
 * @param {string} listFile
 * @param {import("./progress.mjs").Progress} progress
 * @returns {Promise<SystemPackage[]>} what is missing still
 */
export async function ensureSystemPackages(listFile, progress) {
  const listed = parsePackageList(await readFile(listFile, "utf8"));
  // sd_booted(3): systemd would start it.
  const packages = listed.filter(({ takesOver }) => !takesOver || !existsSync("/run/systemd/system"));
  const missing = packages.filter(({ probe }) => !isPresent(probe));
  if (missing.length === 0) {
    progress.found(`system packages for the tests: all ${packages.length}`);
    return [];
  }
  if (process.getuid?.() !== 0 || !isPresent("apt-get")) return missing;
  const names = missing.map(({ name }) => name);
  progress.doing(`system packages: installing ${names.join(", ")} with apt-get`);
  if (!aptInstall(names)) {
    runApt(["update"]);
    aptInstall(names);
  }
  return missing.filter(({ probe }) => !isPresent(probe));
}

/**
 * @param {string} text lines of a package's name and its probe, and `takes-over` for one that changes a machine as soon as it is started; `#`
 *   starts a comment
 * @returns {SystemPackage[]}
 */
export function parsePackageList(text) {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [name = "", probe = name, mark] = line.split(/\s+/);
      return { name, probe, takesOver: mark === "takes-over" };
    });
}

/**
 * @param {string} probe a command, `lib:` and a library's file name, or `dpkg:` and a package's name
 * @returns {boolean}
 */
export function isPresent(probe) {
  if (probe.startsWith("dpkg:")) return isInstalled(probe.slice("dpkg:".length));
  if (!probe.startsWith("lib:")) {
    return [...(process.env.PATH ?? "").split(":"), ...PROGRAM_FOLDERS].some((folder) => existsSync(join(folder, probe)));
  }
  const library = probe.slice("lib:".length);
  return LIBRARY_FOLDERS.flatMap((folder) => [folder, ...multiarchFolders(folder)]).some((folder) => {
    return existsSync(join(folder, library));
  });
}

/** @param {string} name */
function isInstalled(name) {
  const folder = "/var/lib/dpkg/info";
  // `curl.list`, or `libc6:amd64.list` for a package that may be there once for each architecture.
  const isItsList = (/** @type {string} */ file) =>
    file === `${name}.list` || (file.startsWith(`${name}:`) && file.endsWith(".list"));
  return existsSync(folder) && readdirSync(folder).some(isItsList);
}

/** @param {string} folder */
function multiarchFolders(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith("-linux-gnu"))
    .map((name) => join(folder, name));
}

/** @param {string[]} names */
function aptInstall(names) {
  return runApt(["install", "-y", "--no-install-recommends", ...names]);
}

/** @param {string[]} args */
function runApt(args) {
  const { status } = spawnSync("apt-get", [...APT, ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    stdio: ["ignore", process.stdout.isTTY ? "inherit" : "ignore", "inherit"],
  });
  return status === 0;
}
