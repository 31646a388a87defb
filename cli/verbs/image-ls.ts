import { listImages } from "../api/resources.ts";
import { formatAge, formatBytes } from "../output/quantity.ts";
import { printList } from "../output/table.ts";
import { defineVerb } from "../verb.ts";

export const imageLs = defineVerb({
  name: "image ls",
  summary: "list images",
  flags: {},
  async run({ api, signal, terminal, json }) {
    const now = Date.now();
    printList(terminal, json, await listImages(api, signal), [
      { title: "REFERENCE", value: ({ reference }) => reference, flexible: true },
      { title: "DIGEST", value: ({ digest }) => digest.slice(0, 19) },
      { title: "LAYERS", value: ({ layers }) => String(layers) },
      { title: "SIZE", value: ({ sizeBytes }) => formatBytes(sizeBytes) },
      { title: "AGE", value: ({ createdAt }) => formatAge(createdAt, now) },
    ]);
  },
});
