import { mkdirSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { resolve } from "node:path";
import { processEntry } from "#contracts/process-entry.ts";
import { defaultHome } from "../api/target.ts";
import { cliError } from "../errors.ts";
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
    if (process.getuid?.() !== 0) {
      throw cliError("SLIPWAY_CLI_USAGE", "slipway server makes namespaces, mounts and networks, and you are not root", {
        remedy: "Run it as root (`sudo slipway server`).",
      });
    }
    const home = resolve(flags.home ?? defaultHome(environment));
    mkdirSync(home, { recursive: true, mode: 0o700 });
    const args = ["--home", home];
    for (const name of ["http-port", "https-port", "api-port"] as const) {
      const port = flags[name];
      if (port !== undefined) args.push(`--${name}`, checkedPort(name, port));
    }
    if (flags["stop-containers"]) args.push("--stop-containers");
    // The supervisor is this process from here on: one pid for who started us, and no parent that only waits.
    flushCompileCache();
    process.execve!(process.execPath, [process.execPath, processEntry("supervisor"), ...args], definedOnly(environment));
  },
});

function checkedPort(name: string, text: string): string {
  if (/^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535) return text;
  throw cliError("SLIPWAY_CLI_USAGE", `--${name} is a port from 1 to 65535, not ${JSON.stringify(text)}`);
}

function definedOnly(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
