import { flushCompileCache } from "node:module";
import { resolve } from "node:path";
import { processEntry } from "#contracts/process-entry.ts";
import { packageVersion } from "#contracts/package-version.ts";
import { defaultHome } from "../api/target.ts";
import { upgradeServer } from "../upgrade/upgrade-server.ts";
import { defineVerb } from "../verb.ts";

export const server = defineVerb({
  name: "server",
  summary: "start the platform on this machine and supervise its processes",
  details: `Says when it is ready. SIGTERM and Ctrl-C end the platform; containers run on and are adopted by the next start.
With --upgrade, from a newly installed package: the server that runs on the home becomes this version under its pid, with the arguments it
was started with, and restarts its processes one by one; containers, connections and exit codes are kept.`,
  flags: {
    home: { type: "string", value: "DIR", help: "where state is kept (SLIPWAY_HOME)" },
    "http-port": { type: "string", value: "N", help: "the gateway's HTTP port, 80 when absent" },
    "https-port": { type: "string", value: "N", help: "the gateway's HTTPS port, 443 when absent" },
    "api-port": { type: "string", value: "N", help: "serve the API on this TCP port, too (with tokens)" },
    "stop-containers": { type: "boolean", help: "end the containers with the platform" },
    upgrade: { type: "boolean", help: "have the server that runs become this version; containers run on" },
  },
  async run({ flags, environment, terminal, signal }) {
    const home = resolve(flags.home ?? defaultHome(environment));
    if (flags.upgrade) {
      await upgradeServer({
        home,
        program: { node: process.execPath, entry: processEntry("supervisor"), ...compileCacheOf(environment) },
        onProgress: (message) => terminal.stdout.write(`slipway: ${message}\n`),
        signal,
      });
      terminal.stdout.write(`slipway: version ${packageVersion()} serves\n`);
      return;
    }
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

function compileCacheOf({ NODE_COMPILE_CACHE: compileCache }: Readonly<Record<string, string | undefined>>) {
  return compileCache === undefined ? {} : { compileCache };
}

function definedOnly(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
