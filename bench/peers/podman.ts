import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BenchContext } from "../harness/bench.ts";
import { type Environment, run } from "./command.ts";

/** podman with crun and netavark, on private storage. */
export interface Podman {
  env: Environment;
  cli: (...args: string[]) => Promise<string>;
}

export function configurePodman({ folder, run: name }: BenchContext): Podman {
  const place = join(folder, "podman");
  mkdirSync(place);
  const files = {
    // Its own defaults are above what this machine's hard limits may allow.
    "containers.conf": `[containers]
default_ulimits = ["nofile=20000:20000", "nproc=20000:20000"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "crun"
[network]
network_backend = "netavark"
network_config_dir = "${place}/networks"
`,
    "storage.conf": `[storage]\ndriver = "overlay"\ngraphroot = "${place}/graph"\nrunroot = "/run/containers/storage"\n`,
    "registries.conf": `unqualified-search-registries = []\n[[registry]]\nlocation = "127.0.0.1"\ninsecure = true\n`,
    "policy.json": '{"default": [{"type": "insecureAcceptAnything"}]}\n',
  };
  for (const [file, text] of Object.entries(files)) writeFileSync(join(place, file), text);
  const env = {
    CONTAINERS_CONF: join(place, "containers.conf"),
    CONTAINERS_STORAGE_CONF: join(place, "storage.conf"),
    CONTAINERS_REGISTRIES_CONF: join(place, "registries.conf"),
  };
  const cli = (verb = "", ...args: string[]): Promise<string> => {
    const settings: Record<string, string[]> = {
      run: ["--cgroup-parent", `/${name}/podman`],
      pull: ["--tls-verify=false", "--signature-policy", join(place, "policy.json")],
    };
    return run("podman", [verb, ...(settings[verb] ?? []), ...args], { env });
  };
  return { env, cli };
}
