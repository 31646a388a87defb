import { flushCompileCache } from "node:module";
import { resolve } from "node:path";
import { processEntry } from "#contracts/process-entry.ts";
import { defaultHome } from "../api/target.ts";
import { defineVerb } from "../verb.ts";

export const server = defineVerb({
  name: "server",
  summary: "start the platform on this machine and supervise its processes",
  details: `Says when it is ready. SIGTERM and Ctrl-C end the platform; containers run on and are adopted by the next start.`,
  flags: {
    home: { type: "string", value: "DIR", help: "where state is kept (SLIPWAY_HOME)" },
    "http-port": { type: "string", value: "N", help: "the gateway's HTTP port, 80 when absent" },
    "https-port": { type: "string", value: "N", help: "the gateway's HTTPS port, 443 when absent" },
    "api-port": { type: "string", value: "N", help: "serve the API on this TCP port, too (with tokens)" },
    "stop-containers": { type: "boolean", help: "end the containers with the platform" },
  },
  async run({ flags, environment }) {
    const home = resolve(flags.home ?? defaultHome(environment));
    const args = ["--home", home];
    for (const name of ["http-port", "https-port", "api-port"] as const) {
      const port = flags[name];
      if (port !== undefined) args.push(`--${name}`, port);
    }
    if (flags["stop-containers"]) args.push("--stop-containers");
    // The supervisor is this process from here on: one pid for who started us, and no parent that only waits.
    flushCompileCache();
    process.execve!(process.execPath, [process.execPath, processEntry("supervisor"), ...args], definedOnly(environment));
  },
});

function definedOnly(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
