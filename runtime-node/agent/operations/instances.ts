import { readFile } from "node:fs/promises";
import { LaunchReport } from "#contracts/api.ts";
import { parse } from "#contracts/parse.ts";
import { containerError } from "../../container/errors.ts";
import type { NodeAgent } from "../node-agent.ts";
import { findInstance } from "./find-instance.ts";
import type { NodeRequestHandlers } from "./serve-operations.ts";

export function instanceOperations(agent: NodeAgent): Pick<NodeRequestHandlers, "plan" | "signal" | "pause" | "unpause"> {
  return {
    plan: async ({ instanceId }) => {
      const { folder, assignment } = findInstance(agent, instanceId);
      try {
        return parse(LaunchReport, JSON.parse(await readFile(folder.launchReport, "utf8")), "the launch report");
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
        throw containerError("SLIPWAY_CONTAINER_NOT_LAUNCHED", `${assignment.name} was not launched yet`, { cause });
      }
    },
    signal: async ({ instanceId, signal }) => {
      await findInstance(agent, instanceId).signal(signal);
      return {};
    },
    pause: async ({ instanceId }) => {
      await findInstance(agent, instanceId).pause();
      return {};
    },
    unpause: async ({ instanceId }) => {
      findInstance(agent, instanceId).unpause();
      return {};
    },
  };
}
