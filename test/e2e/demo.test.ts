import { join } from "node:path";
import { expect, test } from "vitest";
import { PACKAGE_ROOT } from "#contracts/process-entry.ts";
import { RunningCommand } from "./command.ts";
import { freePort } from "./free-port.ts";
import { remainsOf } from "./remains.ts";
import { until } from "./until.ts";

const HOME = join(PACKAGE_ROOT, ".slipway");

/** The program of every platform's nats-server stands in the demo's home; only one that is told to is the demo's own. */
async function remainsOfDemo(): Promise<string[]> {
  const remains = await remainsOf(HOME);
  return remains.filter((line) => !/nats-server -c /.test(line) || line.includes(` -c ${HOME}/`));
}

test("the demo answers over HTTPS out of its containers, and leaves nothing that runs", { timeout: 180_000 }, async () => {
  const ports = ["--http-port", String(await freePort()), "--https-port", String(await freePort())];
  const main = join(PACKAGE_ROOT, "infra/demo/main.ts");
  await using demo = new RunningCommand(process.execPath, [main, "--once", ...ports], { timeoutMs: 150_000 });
  const { exitCode, stdout, stderr } = await demo.result;
  if (exitCode !== 0) throw new Error(`the demo ended with ${exitCode}\n${stdout}${stderr}`);
  const [, placed = ""] = /POST \/orders +(\{.*\})/.exec(stdout) ?? [];
  expect(JSON.parse(placed)).toMatchObject({ item: "rope", quantity: 2 });
  const [, shop = ""] = /GET \/ +(\{.*\})/.exec(stdout) ?? [];
  expect(JSON.parse(shop)).toMatchObject({ greeting: "Welcome to the shop", orders: { count: expect.any(Number) } });
  for (const service of ["web", "catalog", "orders"]) expect(stdout).toMatch(new RegExp(`shop-${service}-1 .*running`));
  for (const span of ["slipway up", "launch child", "become healthy", "first request"]) expect(stdout).toContain(span);
  await until(remainsOfDemo, (remains) => remains.length === 0);
});
