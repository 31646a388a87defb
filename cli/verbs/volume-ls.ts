import { listVolumes } from "../api/resources.ts";
import { formatAge, formatBytes } from "../output/quantity.ts";
import { printList } from "../output/table.ts";
import { defineVerb } from "../verb.ts";

export const volumeLs = defineVerb({
  name: "volume ls",
  summary: "list volumes",
  flags: {},
  async run({ api, signal, terminal, json }) {
    const now = Date.now();
    printList(terminal, json, await listVolumes(api, signal), [
      { title: "NAME", value: ({ name }) => name },
      { title: "PROJECT", value: ({ project }) => project },
      { title: "DRIVER", value: ({ driver }) => driver },
      { title: "USED", value: ({ usedBytes }) => (usedBytes === null ? "-" : formatBytes(usedBytes)) },
      { title: "AGE", value: ({ createdAt }) => formatAge(createdAt, now) },
      { title: "USED BY", value: ({ usedBy }) => usedBy.join(", ") || "-", flexible: true },
    ]);
  },
});
