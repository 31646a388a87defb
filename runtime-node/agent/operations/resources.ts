import { hasCode } from "#contracts/slipway-error.ts";
import type { VolumeStore } from "#storage-driver/volume-store.ts";
import type { ProjectNetworks } from "../../network/project-networks.ts";
import type { EventOutbox } from "../event-outbox.ts";
import type { NodeRequestHandlers } from "./serve-operations.ts";

type Handlers = Pick<NodeRequestHandlers, "volume-list" | "volume-remove" | "network-list">;

export function resourceOperations(volumes: VolumeStore, networks: ProjectNetworks, events: EventOutbox): Handlers {
  return {
    "volume-list": async ({ project }, call) => {
      const listed = await volumes.list(project);
      return Promise.all(listed.map(async ({ name }) => volumes.inspect(await volumes.find(name), call.signal)));
    },
    "volume-remove": async ({ name }, call) => {
      try {
        const key = await volumes.find(name);
        await volumes.remove(key, call.signal);
        events.append({ type: "volume.removed", subject: `${key.project}/${key.volume}`, project: key.project });
        return { removed: true };
      } catch (error) {
        if (hasCode(error, "SLIPWAY_STORAGE_NOT_FOUND")) return { removed: false };
        throw error;
      }
    },
    "network-list": async () => networks.list(),
  };
}
