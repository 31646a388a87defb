import { homeLayout } from "#contracts/home.ts";
import { PACKAGE_ROOT, processEntry } from "#contracts/process-entry.ts";
import { resolve } from "node:path";
import { defaultHome } from "../api/target.ts";
import { cliError } from "../errors.ts";
import { isActive, requireSystemd, startUnit, systemctl, writeUnit } from "../systemd/service-manager.ts";
import { CONTAINERS_UNIT, SERVER_UNIT, UNIT_FOLDER, unitFiles } from "../systemd/unit-files.ts";
import { defineVerb, type Invocation } from "../verb.ts";

export const install = defineVerb({
  name: "install",
  summary: "start the platform with this machine, as a systemd service",
  details: `Writes ${SERVER_UNIT} and ${CONTAINERS_UNIT} to ${UNIT_FOLDER}, enables and starts them, and waits until the platform is ready. Run again,
it changes what is different. Restarting the service keeps the containers running.`,
  flags: {
    home: { type: "string", value: "DIR", help: "where state is kept (SLIPWAY_HOME)" },
    "http-port": { type: "string", value: "N", help: "the gateway's HTTP port, 80 when absent" },
    "https-port": { type: "string", value: "N", help: "the gateway's HTTPS port, 443 when absent" },
    "dry-run": { type: "boolean", help: "print the units, and change nothing" },
  },
  async run({ flags, environment, terminal, signal }) {
    const home = resolve(flags.home ?? defaultHome(environment));
    const units = unitFiles({
      node: process.execPath,
      serverEntry: processEntry("supervisor"),
      cliEntry: processEntry("cli"),
      root: PACKAGE_ROOT,
      home,
      httpPort: checkedPort("--http-port", flags["http-port"]),
      httpsPort: checkedPort("--https-port", flags["https-port"]),
    });
    if (flags["dry-run"]) {
      for (const [name, text] of Object.entries(units)) terminal.stdout.write(`# ${UNIT_FOLDER}/${name}\n${text}\n`);
      return;
    }
    requireSystemd("install");
    const changed = await writeUnits(units);
    await startUnits(changed, signal);
    report(terminal, home, changed);
  },
});

async function writeUnits(units: Readonly<Record<string, string>>): Promise<boolean> {
  const written = await Promise.all(Object.entries(units).map(([name, text]) => writeUnit(name, text)));
  return written.includes(true);
}

/** `start` returns when the server has said that it is ready (Type=notify). */
async function startUnits(changed: boolean, signal: AbortSignal): Promise<void> {
  if (changed) await systemctl(["daemon-reload"], signal);
  await systemctl(["enable", "--quiet", SERVER_UNIT], signal);
  const restart = changed && (await isActive(SERVER_UNIT, signal));
  await startUnit(restart ? "restart" : "start", SERVER_UNIT, signal);
}

function report({ stdout }: Invocation["terminal"], home: string, changed: boolean): void {
  const rows = [
    ["service", `${SERVER_UNIT}, ${changed ? "installed" : "as it was"}; starts with the machine`],
    ["home", home],
    ["API", homeLayout(home).apiSocket],
    ["log", `journalctl -u ${SERVER_UNIT}`],
    ["restart", `systemctl restart ${SERVER_UNIT} (containers run on)`],
    ["upgrade", `systemctl reload ${SERVER_UNIT} (when a new version is in ${PACKAGE_ROOT})`],
    ["remove", "slipway uninstall"],
  ];
  stdout.write(rows.map(([what = "", where]) => `${what.padEnd(8)} ${where}\n`).join(""));
}

function checkedPort(flag: string, text: string | undefined): string | undefined {
  if (text === undefined || (/^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535)) return text;
  throw cliError("SLIPWAY_CLI_USAGE", `${flag} is ${JSON.stringify(text)}, and a port is a number from 1 to 65535`);
}
