import type { ApiClient } from "../api/client.ts";
import { listImages, listInstances, listNetworks, listProjects, listTraces, listVolumes } from "../api/resources.ts";
import { loadAll } from "../verbs.ts";
import type { Candidate } from "./candidates.ts";
import type { CandidateKind } from "./operand-kinds.ts";

type NamedKind = Exclude<CandidateKind, "files">;

const SOURCES: Record<NamedKind, (api: ApiClient, signal: AbortSignal) => Promise<Candidate[]>> = {
  instances: async (api, signal) =>
    (await listInstances(api, { all: true }, signal)).map(({ name, state, image }) => ({
      value: name,
      description: `${state}, ${image}`,
    })),
  services: async (api, signal) => {
    const instances = await listInstances(api, { all: true }, signal);
    const services = new Map(instances.map(({ service, project }) => [service, `service of ${project}`]));
    return [...services].map(([value, description]) => ({ value, description }));
  },
  images: async (api, signal) =>
    [{ reference: "host", layers: 0 }, ...(await listImages(api, signal))].map(({ reference, layers }) => ({
      value: reference,
      description: layers === 0 ? "the host's own programs" : `${layers} layers`,
    })),
  volumes: async (api, signal) =>
    (await listVolumes(api, signal)).map(({ name, driver }) => ({ value: name, description: driver })),
  networks: async (api, signal) => (await listNetworks(api, signal)).map(({ name }) => ({ value: name, description: "" })),
  projects: async (api, signal) =>
    (await listProjects(api, signal)).map(({ project, state }) => ({ value: project, description: state })),
  traces: async (api, signal) =>
    (await listTraces(api, {}, signal)).map(({ traceId, name }) => ({ value: traceId.slice(0, 12), description: name })),
  verbs: async () => (await loadAll()).map(({ name, summary }) => ({ value: name.split(" ")[0]!, description: summary })),
  shells: async () => ["bash", "zsh", "fish"].map((value) => ({ value, description: "" })),
};

/** The names of these kinds that there are now; none of a server that does not answer. */
export async function namesOf(kinds: readonly CandidateKind[], api: ApiClient, signal: AbortSignal): Promise<Candidate[]> {
  const named = kinds.filter((kind) => kind !== "files");
  const lists = await Promise.allSettled(named.map((kind) => SOURCES[kind](api, signal)));
  return lists.flatMap((list) => (list.status === "fulfilled" ? list.value : []));
}
