import { listNetworks } from "../api/resources.ts";
import { printList } from "../output/table.ts";
import { defineVerb } from "../verb.ts";

export const networkLs = defineVerb({
  name: "network ls",
  summary: "list networks",
  flags: {},
  async run({ api, signal, terminal, json }) {
    printList(terminal, json, await listNetworks(api, signal), [
      { title: "NAME", value: ({ name }) => name },
      { title: "PROJECT", value: ({ project }) => project },
      { title: "SUBNET", value: ({ subnet }) => subnet },
      { title: "BRIDGE", value: ({ bridge }) => bridge },
      { title: "INTERNAL", value: ({ internal }) => (internal ? "yes" : "no") },
      { title: "INSTANCES", value: ({ endpoints }) => String(endpoints.length) },
    ]);
  },
});
