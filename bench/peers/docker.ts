import { join } from "node:path";
import type { BenchContext } from "../harness/bench.ts";
import { type Daemon, run, startDaemon } from "./command.ts";

/** dockerd with its containerd, on private folders and a private socket; its iptables rules are in the run's network namespace. */
export interface Docker extends AsyncDisposable {
  daemon: Daemon;
  env: { DOCKER_HOST: string };
  cli: (...args: string[]) => Promise<string>;
}

export async function startDocker({ folder, run: name }: BenchContext): Promise<Docker> {
  const env = { DOCKER_HOST: "unix:///run/docker.sock", DOCKER_CONFIG: join(folder, "docker-config") };
  const cli = (...args: string[]): Promise<string> => run("docker", args, { env });
  const folders = ["--data-root", join(folder, "docker"), "--exec-root", "/run/docker", "--pidfile", "/run/docker.pid"];
  const settings = ["-H", env.DOCKER_HOST, "--cgroup-parent", `/${name}/docker`, "--insecure-registry", "127.0.0.0/8"];
  const command = ["dockerd", ...folders, ...settings];
  const daemon = await startDaemon(command, { log: join(folder, "dockerd.log"), isUp: () => cli("version") });
  return { daemon, env, cli, [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose]() };
}
