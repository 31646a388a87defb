import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BenchContext } from "../harness/bench.ts";
import { type Daemon, run, startDaemon } from "./command.ts";

const SOCKET = "/run/containerd-bench/containerd.sock";

/** containerd with its runc shim, driven by ctr. */
export interface Containerd extends AsyncDisposable {
  daemon: Daemon;
  ctr: (...args: string[]) => Promise<string>;
}

export async function startContainerd({ folder }: BenchContext): Promise<Containerd> {
  const config = join(folder, "containerd.toml");
  writeFileSync(config, `version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n`);
  const ctr = (...args: string[]): Promise<string> => run("ctr", ["-a", SOCKET, ...args]);
  const command = [
    "containerd",
    "-c",
    config,
    "--root",
    join(folder, "containerd"),
    "--state",
    "/run/containerd-bench",
    "-a",
    SOCKET,
  ];
  const daemon = await startDaemon(command, { log: join(folder, "containerd.log"), isUp: () => ctr("version") });
  return { daemon, ctr, [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose]() };
}
