import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { installedHome } from "./installed-home.ts";
import { CONTAINERS_UNIT, type Installation, SERVER_UNIT, unitFiles } from "./unit-files.ts";

const installation: Installation = {
  node: "/opt/slipway/node",
  serverEntry: "/opt/slipway/main.mjs",
  cliEntry: "/opt/slipway/cli.mjs",
  root: "/opt/slipway",
  home: "/var/lib/slipway",
  httpPort: undefined,
  httpsPort: undefined,
};
const lines = (unit: string, changes: Partial<Installation> = {}): string[] =>
  unitFiles({ ...installation, ...changes })[unit]!.split("\n");

test("the server starts on the pinned Node, is waited for, and a restart ends it alone", () => {
  const unit = lines(SERVER_UNIT);
  expect(unit).toContain("ExecStart=/opt/slipway/node /opt/slipway/main.mjs --home /var/lib/slipway");
  for (const line of ["Type=notify", "KillMode=process", "Delegate=yes", "Restart=on-failure"])
    expect(unit).toContain(line);
});

test("a reload is an upgrade in place", () => {
  const upgrade = "/opt/slipway/node /opt/slipway/cli.mjs server --upgrade --home /var/lib/slipway";
  expect(lines(SERVER_UNIT)).toContain(`ExecReload=${upgrade}`);
});

test("ports are named only where they were asked for", () => {
  const unit = lines(SERVER_UNIT, { httpPort: "8080", httpsPort: "8443" });
  const start = "ExecStart=/opt/slipway/node /opt/slipway/main.mjs --home /var/lib/slipway";
  expect(unit).toContain(`${start} --http-port 8080 --https-port 8443`);
});

test("containers are made in a unit of their own, which the server needs", () => {
  expect(lines(SERVER_UNIT)).toContain(`Requires=${CONTAINERS_UNIT}`);
  expect(lines(SERVER_UNIT)).toContain(`Environment=SLIPWAY_CGROUP_PARENT=/system.slice/${CONTAINERS_UNIT}`);
  expect(lines(CONTAINERS_UNIT)).toContain("Delegate=yes");
});

test("what systemd would take for its own syntax is escaped", () => {
  const unit = lines(SERVER_UNIT, { home: '/srv/a b/100%/$x/"y"' });
  expect(unit).toContain('RequiresMountsFor="/srv/a b/100%%/$x/\\"y\\"" /opt/slipway');
  expect(unit).toContain('ExecStart=/opt/slipway/node /opt/slipway/main.mjs --home "/srv/a b/100%%/$$x/\\"y\\""');
});

test.each(["/var/lib/slipway", '/srv/a b/100%/$x/"y"'])("the home %s is read back from the unit", (home) => {
  const folder = mkdtempSync(join(tmpdir(), "slipway-units-"));
  try {
    expect(installedHome(folder)).toBeUndefined();
    writeFileSync(join(folder, SERVER_UNIT), unitFiles({ ...installation, home })[SERVER_UNIT]!);
    expect(installedHome(folder)).toBe(home);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
