import { existsSync, readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { homeLayout } from "#contracts/home.ts";
import { HOME, instances, PATIENCE, run, slipway, unitProperty } from "./machine.ts";

/** The units that `install` makes; the one that runs us is the test's. */
const isOurs = (name: string): boolean => /^slipway(-containers)?\.service/.test(name);

test("after a reboot the service is up by itself", async () => {
  await expect.poll(() => unitProperty("slipway", "ActiveState"), PATIENCE).toBe("active");
});

test("what is to be restarted always is, and what is not stays down", async () => {
  const states = async (): Promise<object> =>
    Object.fromEntries([...(await instances())].map(([name, { state }]) => [name, state]));
  await expect.poll(states, PATIENCE).toEqual({ kept: "running", once: "exited", single: "exited" });
});

test("uninstall leaves nothing but the home: no unit, link, rule, cgroup, process or run folder", async () => {
  const { hash, run: runFolder } = homeLayout(HOME);
  const pid = (await instances()).get("kept")!.pid!;
  expect(await slipway("uninstall")).toContain(`${HOME} is kept`);
  expect(existsSync(`/proc/${pid}`)).toBe(false);
  expect(readdirSync("/etc/systemd/system").filter(isOurs)).toEqual([]);
  expect(readdirSync("/etc/systemd/system/multi-user.target.wants").filter(isOurs)).toEqual([]);
  const units = await run("systemctl", "list-units", "--all", "--plain", "--no-legend", "slipway*");
  expect(units.split("\n").filter(isOurs)).toEqual([]);
  expect(readdirSync("/sys/fs/cgroup/system.slice").filter(isOurs)).toEqual([]);
  expect(existsSync(runFolder)).toBe(false);
  expect((await run("ip", "-br", "link")).split("\n").filter((line) => line.includes(hash))).toEqual([]);
  expect(await run("nft", "list", "tables")).not.toContain("slipway");
  expect(await run("ps", "-eo", "args")).not.toContain(HOME);
  expect(readdirSync(HOME)).toContain("keys");
});

test("uninstall again says that there is nothing", async () => {
  expect(await slipway("uninstall")).toContain("not installed");
});

test("install after it has the old home's state, and --purge takes that, too", async () => {
  await slipway("install", "--home", HOME, "--http-port", "8080", "--https-port", "8443");
  expect(await slipway("uninstall", "--purge")).not.toContain("is kept");
  expect(existsSync(HOME)).toBe(false);
});
