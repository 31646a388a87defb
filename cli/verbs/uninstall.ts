import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { homeLayout } from "#contracts/home.ts";
import { hasCode } from "#contracts/slipway-error.ts";
import { ApiClient } from "../api/client.ts";
import { listInstances } from "../api/resources.ts";
import { installedHome } from "../systemd/installed-home.ts";
import { isActive, isInstalled, removeUnit, requireSystemd, systemctl } from "../systemd/service-manager.ts";
import { CONTAINERS_UNIT, SERVER_UNIT } from "../systemd/unit-files.ts";
import { cliError } from "../errors.ts";
import { defineVerb, type Invocation } from "../verb.ts";
import { removeEverything } from "./down.ts";

export const uninstall = defineVerb({
  name: "uninstall",
  summary: "end the platform's service, and take back what `install` made",
  details: `Takes every project down, then stops and removes the service. Volumes, images, logs and certificates stay in the home, unless --purge.`,
  flags: {
    "keep-containers": {
      type: "boolean",
      help: "let containers run on, under nobody's watch; the next server adopts them",
    },
    purge: { type: "boolean", help: "remove the home, too: volumes, images, logs and certificates are gone" },
  },
  async run(invocation) {
    const { flags, terminal, signal } = invocation;
    if (flags["keep-containers"] && flags.purge)
      throw cliError("SLIPWAY_CLI_USAGE", "--purge removes what containers run on, and --keep-containers lets them run");
    requireSystemd("uninstall");
    const home = installedHome();
    if (home === undefined && !isInstalled(CONTAINERS_UNIT)) {
      terminal.stdout.write("slipway is not installed as a service on this machine\n");
      return;
    }
    const running = home !== undefined && (await isActive(SERVER_UNIT, signal));
    if (running) await endContainers(invocation, home, flags["keep-containers"], flags.purge);
    await removeUnits(flags["keep-containers"], signal);
    if (flags.purge && home !== undefined) await rm(home, { recursive: true, force: true });
    const kept = home !== undefined && existsSync(home) ? `; ${home} is kept` : "";
    terminal.stdout.write(`the service is removed${kept}\n`);
  },
});

/** Ends them in order while the platform is there to do it, or says which run on. */
async function endContainers(
  { api, terminal, signal }: Invocation,
  home: string,
  keep: boolean,
  volumes: boolean,
): Promise<void> {
  // What is installed, whatever SLIPWAY_HOST and SLIPWAY_HOME of this shell are.
  using installed = new ApiClient({ ...api.options, target: { type: "socket", path: homeLayout(home).apiSocket } });
  if (!keep) return removeEverything({ api: installed, terminal, signal }, volumes);
  const instances = await listInstances(installed, {}, signal);
  if (instances.length > 0)
    terminal.stdout.write(`run on: ${instances.map(({ name, pid }) => `${name} (pid ${pid})`).join(", ")}\n`);
}

/** Stopping the containers' unit ends what is left in it, so it is only forgotten when containers are to run on. */
async function removeUnits(keepContainers: boolean, signal: AbortSignal): Promise<void> {
  if (isInstalled(SERVER_UNIT)) {
    await systemctl(["disable", "--quiet", SERVER_UNIT], signal);
    await systemctl(["stop", SERVER_UNIT], signal);
    removeUnit(SERVER_UNIT);
  }
  if (isInstalled(CONTAINERS_UNIT)) {
    if (!keepContainers) await systemctl(["stop", CONTAINERS_UNIT], signal);
    removeUnit(CONTAINERS_UNIT);
  }
  await systemctl(["daemon-reload"], signal);
  await systemctl(["reset-failed", SERVER_UNIT, CONTAINERS_UNIT], signal).catch((error: unknown) => {
    // A unit that never failed and is gone is unknown by now.
    if (!hasCode(error, "SLIPWAY_CLI_SYSTEMD_FAILED")) throw error;
  });
}
