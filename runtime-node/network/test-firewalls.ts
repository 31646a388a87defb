import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { DoctorCheck } from "#contracts/api.ts";
import type { Kernel } from "#kernel/kernel.ts";
import { diagnoseForwarding } from "./diagnose-forwarding.ts";

/** For tests: another program's firewall in this thread's network namespace, with files of its own. Disposal ends it. */
export interface OtherFirewall extends AsyncDisposable {
  /** One of its own commands, as an administrator gives it. */
  run(command: string): string;
  /** Its tables and what is in them, without counters. */
  rules(): string;
}

/** Mounts copies over the files that a firewall keeps its settings and locks in, for the command that follows. */
const WITH_OWN_FILES = `
  while [ "$1" != -- ]; do mount --bind "$1" "$2" || exit 1; shift 2; done
  shift
  exec "$@"`;

export const hasUfw = existsSync("/usr/sbin/ufw");

/** ufw with Debian's settings, as `ufw enable` leaves it. */
export async function startUfw(folder: string): Promise<OtherFirewall> {
  const mounts: [copy: string, path: string][] = [
    [join(folder, "etc-ufw"), "/etc/ufw"],
    [join(folder, "default-ufw"), "/etc/default/ufw"],
    [join(folder, "run"), "/run"],
  ];
  for (const [copy, path] of mounts.slice(0, 2)) await cp(path, copy, { recursive: true });
  await mkdir(join(folder, "run"));
  const within = ["-m", "--propagation", "private", "sh", "-c", WITH_OWN_FILES, "sh", ...mounts.flat(), "--"];
  const run = (command: string): string =>
    execFileSync("unshare", [...within, ...command.split(" ")], { encoding: "utf8" });
  run("ufw --force enable");
  return {
    run,
    rules: () => listTables("ip filter", "ip6 filter"),
    [Symbol.asyncDispose]: async () => void run("ufw disable"),
  };
}

export const hasFirewalld = existsSync("/usr/sbin/firewalld") && existsSync("/usr/bin/dbus-daemon");

/** firewalld with its own settings, and a message bus of its own. Resolves when it has made its rules. */
export async function startFirewalld(folder: string): Promise<OtherFirewall> {
  await using acquired = new AsyncDisposableStack();
  const [settings, runFiles, logs] = ["settings", "run", "log"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await cp("/etc/firewalld", settings, { recursive: true });
  for (const path of [runFiles, logs]) await mkdir(path);
  const start = (program: string, args: string[], address?: string) => {
    const env = { ...process.env, ...(address === undefined ? {} : { DBUS_SYSTEM_BUS_ADDRESS: address }) };
    const mounts = [runFiles, "/run", logs, "/var/log", "--"];
    const within = ["-m", "--propagation", "private", "sh", "-c", WITH_OWN_FILES, "sh", ...mounts];
    const child = spawn("unshare", [...within, program, ...args], { stdio: ["ignore", "pipe", "ignore"], env });
    acquired.defer(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGTERM");
      await once(child, "exit");
    });
    return child;
  };
  const bus = start("dbus-daemon", [
    "--session",
    "--nofork",
    "--nopidfile",
    "--print-address",
    `--address=unix:dir=${folder}`,
  ]);
  const address = String((await once(bus.stdout, "data"))[0]).trim();
  start("firewalld", ["--nofork", "--nopid", "--system-config", settings], address);
  const env = { ...process.env, DBUS_SYSTEM_BUS_ADDRESS: address };
  const run = (command: string): string => execFileSync("sh", ["-c", command], { encoding: "utf8", env });
  // It serves when its rules are made.
  run("timeout 120 sh -c 'until firewall-cmd --state; do sleep 0.2; done' 2>/dev/null");
  const held = acquired.move();
  return { run, rules: () => listTables("inet firewalld"), [Symbol.asyncDispose]: () => held.disposeAsync() };
}

function listTables(...tables: string[]): string {
  return tables
    .map((table) => execFileSync("sh", ["-c", `nft -s list table ${table} 2>/dev/null`], { encoding: "utf8" }))
    .join("");
}

/** What doctor says about other firewalls, and the commands of its remedy that begin so. */
export function firewallAdvice(kernel: Kernel, hash: string, program: string): { check: DoctorCheck; commands: string[] } {
  const check = diagnoseForwarding(kernel, hash).find(({ id }) => id === "network.firewall")!;
  const commands = [...check.remedy.matchAll(/`([^`]+)`/g)].map(([, command]) => command!);
  return { check, commands: commands.filter((command) => command.startsWith(`${program} `)) };
}
