import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";

const CGROUPS = "/sys/fs/cgroup";
const NAMESPACES = ["--mount", "--net", "--pid", "--ipc", "--uts"];
/**
 * The shell is the namespace's init, and reaps what conmon and the shims leave to it. /run is fresh, so that no socket of a peer's usual place is
 * found; crun and podman refuse a hybrid cgroup layout, so the v2 tree beside v1 is taken out of view.
 */
const PREPARE = `set -e
mount --make-rprivate /
if mountpoint -q ${CGROUPS}/unified; then umount ${CGROUPS}/unified; fi
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock
ip link set lo up
for place in ${CGROUPS}/cpuacct ${CGROUPS}; do
  if [ -e $place/cgroup.procs ]; then
    mkdir -p $place/$RUN/bench
    echo $$ > $place/$RUN/bench/cgroup.procs
    break
  fi
done
"$@" &
wait $!`;

export interface Enclosed {
  /** 0, or what ended it. */
  ended: Promise<number | string>;
  kill(): void;
}

/**
 * Runs a command in namespaces of its own: networks, mounts and processes of whatever it starts are gone with it, however it ends. What
 * namespaces do not hold are files and cgroups, which have the run's name.
 */
export function runEnclosed(run: string, command: readonly string[], environment: Record<string, string>): Enclosed {
  const flags = [...NAMESPACES, "--fork", "--kill-child", "--mount-proc"];
  const child = spawn("unshare", [...flags, "sh", "-c", PREPARE, "sh", ...command], {
    stdio: "inherit",
    env: { ...process.env, ...environment, RUN: run },
  });
  return { ended: endOf(child), kill: () => void child.kill("SIGKILL") };
}

async function endOf(child: ChildProcess): Promise<number | string> {
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  return code ?? signal ?? 1;
}

/** Takes away a top-level cgroup that no process is in, with all below it, in every hierarchy. */
export function removeCgroup(name: string): void {
  const places = [CGROUPS, ...readdirSync(CGROUPS).map((hierarchy) => join(CGROUPS, hierarchy))];
  for (const place of places) if (existsSync(join(place, name))) removeTree(join(place, name));
}

function removeTree(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isDirectory()) removeTree(join(folder, entry.name));
  rmdirSync(folder);
}
