import { spawnSync } from "node:child_process";
import { accessSync, constants, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { PACKAGE_ROOT } from "#contracts/process-entry.ts";

const APT_MS = 240_000;
const GO_MS = 600_000;
/** The newest that Debian 12's dockerd still understands, and that builds without replaced modules. */
const COMPOSE_MODULE = "github.com/docker/compose/v2/cmd@v2.29.7";
const PLACES = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/usr/local/go/bin"];

/** docker compose v2, which Debian 12 does not have: kept over runs, since building it takes minutes. */
export const COMPOSE = join(PACKAGE_ROOT, ".slipway/cache/bench/docker-compose");

/** Installs the peers that are missing, as far as this machine can. What it cannot is said, and again by the benchmarks. */
export function setUpPeers(): void {
  const missing = packagesMissing();
  if (missing.length > 0) installPackages(missing);
  if (!existsSync(COMPOSE)) buildCompose();
}

function packagesMissing(): string[] {
  const lines = readFileSync(join(import.meta.dirname, "packages.txt"), "utf8").split("\n");
  const wanted = lines.filter((line) => line !== "" && !line.startsWith("#")).map((line) => line.split(/\s+/));
  return [...new Set(wanted.flatMap(([name = "", command = ""]) => (findCommand(command) === undefined ? [name] : [])))];
}

/** A command's path, or undefined. */
export function findCommand(command: string): string | undefined {
  const candidates = command.startsWith("/") ? [command] : PLACES.map((place) => join(place, command));
  return candidates.find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Debian starts the services of what it installs, unless policy-rc.d forbids it. */
function installPackages(names: readonly string[]): void {
  console.log(`installing ${names.join(" ")}`);
  const folder = mkdtempSync(join(tmpdir(), "slwbench-"));
  try {
    const script = 'cp -n /usr/sbin/policy-rc.d "$0/old" 2>/dev/null; trap "$1" EXIT';
    const restore = 'if [ -e "$0/old" ]; then cp "$0/old" /usr/sbin/policy-rc.d; else rm -f /usr/sbin/policy-rc.d; fi';
    const install = `printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d
apt-get update -q > /dev/null; shift; DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" > /dev/null`;
    const { status } = spawnSync("sh", ["-c", `${script}; ${install}`, folder, restore, ...names], {
      stdio: ["ignore", "inherit", "inherit"],
      timeout: APT_MS,
    });
    if (status !== 0) console.log(`not all of ${names.join(" ")} could be installed`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function buildCompose(): void {
  const go = findCommand("go");
  if (go === undefined) return console.log("docker compose is not built: there is no Go");
  console.log(`building ${COMPOSE_MODULE}`);
  const folder = mkdtempSync(join(tmpdir(), "slwbench-"));
  try {
    const { status } = spawnSync(go, ["install", COMPOSE_MODULE], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, GOBIN: folder },
      timeout: GO_MS,
    });
    if (status !== 0) return console.log("docker compose could not be built");
    mkdirSync(dirname(COMPOSE), { recursive: true });
    copyFileSync(join(folder, "cmd"), COMPOSE);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
