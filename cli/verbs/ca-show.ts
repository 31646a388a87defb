import { defineVerb } from "../verb.ts";

export const caShow = defineVerb({
  name: "ca show",
  summary: "print the local CA's certificate (PEM)",
  details: "curl --cacert takes it; a browser trusts the gateway when it has been added to the browser's authorities.",
  flags: {},
  async run({ api, signal, terminal }) {
    const pem = await api.text({ path: ["ca"], signal });
    terminal.stdout.write(pem.endsWith("\n") ? pem : `${pem}\n`);
  },
});
