import type { ServiceSpec } from "#contracts/service-spec.ts";
import type { ApiClient } from "./api/client.ts";
import { listNetworks } from "./api/resources.ts";
import { cliError } from "./errors.ts";

export interface RunNetwork {
  /** The project that the network is of; that of `slipway run` when absent. */
  project?: string;
  networks: ServiceSpec["networks"];
}

/** What `--network` names: `none`, nothing or `default` (a network of `slipway run`), or a project's network by its full name. */
export async function resolveNetwork(api: ApiClient, name: string | undefined, signal: AbortSignal): Promise<RunNetwork> {
  if (name === "none") return { networks: [] };
  if (name === undefined || name === "default") return { networks: [{ name: "default", aliases: [] }] };
  const all = await listNetworks(api, signal);
  const network = all.find((each) => each.name === name);
  if (network !== undefined)
    return { project: network.project, networks: [{ name: network.name.slice(network.project.length + 1), aliases: [] }] };
  const there = all.map((each) => each.name).join(", ") || "none";
  throw cliError("SLIPWAY_CLI_NOT_FOUND", `no network is called ${JSON.stringify(name)}; there are: ${there}`, {
    remedy: "`slipway network ls` lists them; `--network none` is no network but loopback.",
  });
}
