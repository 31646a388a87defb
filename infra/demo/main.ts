import { join } from "node:path";
import { PACKAGE_ROOT } from "#contracts/process-entry.ts";
import { toSlipwayError } from "#contracts/slipway-error.ts";
import { askShop, SHOP_HOST } from "./ask-shop.ts";
import { demoError } from "./errors.ts";
import { type DemoOptions, readOptions } from "./options.ts";
import { DemoPlatform } from "./platform.ts";
import { say, step } from "./say.ts";
import { slipway } from "./slipway.ts";
import { showTrace } from "./show-trace.ts";

const COMPOSE_FILE = join(PACKAGE_ROOT, "examples/shop/compose.yaml");
const PROJECT = "shop";

const INTERRUPTED_EXIT_CODE = 130;

const interruption = new AbortController();
const interrupted = interruption.signal;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => interruption.abort());

try {
  if (process.getuid?.() !== 0) {
    throw demoError("SLIPWAY_DEMO_NOT_ROOT", "the demo makes namespaces, mounts and networks, and needs root for it");
  }
  await demo(await readOptions(process.argv.slice(2), process.stdin.isTTY));
} catch (error) {
  if (!interrupted.aborted) report(error);
  process.exitCode = interrupted.aborted ? INTERRUPTED_EXIT_CODE : 1;
}

async function demo(options: DemoOptions): Promise<void> {
  step("Starting the platform (slipway server)");
  await using platform = await DemoPlatform.start(options, interrupted);
  await using _project = { [Symbol.asyncDispose]: takeDown };

  step(`Deploying ${COMPOSE_FILE} (slipway up)`);
  await slipway(["up", "-d", "--wait", "-f", COMPOSE_FILE], interrupted);

  step(`Asking https://${SHOP_HOST}:${options.httpsPort}/, trusting the local CA alone`);
  await showShop(options);

  step("The way of the deploy, to its first request (slipway trace show)");
  say(await showTrace(interrupted));

  step("What runs (slipway ps)");
  say(await slipway(["ps"], interrupted));
  if (options.once) return;

  step("Where to look next");
  say(whereToLook(options));
  await Promise.race([new Promise((resolve) => interrupted.addEventListener("abort", resolve)), platform.ended]);
}

/** One answer that came through all three services, and one order that will outlive this demo. */
async function showShop({ httpsPort }: DemoOptions): Promise<void> {
  const ca = await slipway(["ca", "show"], interrupted);
  const order = await askShop<object>({
    httpsPort,
    ca,
    method: "POST",
    path: "/orders",
    body: { item: "rope", quantity: 2 },
  });
  say(`POST /orders  ${JSON.stringify(order)}`);
  const shop = await askShop<{ items: object[]; orders: { count: number } }>({ httpsPort, ca, path: "/" });
  say(`GET /         ${JSON.stringify(shop)}`);
  if (shop.items.length === 0 || shop.orders.count < 1)
    throw demoError("SLIPWAY_DEMO_ANSWER_WRONG", "the shop has no items, or no orders");
}

/** Does not throw: the platform is ended after this, come what may, and with it all containers. */
async function takeDown(): Promise<void> {
  step("Taking everything down (slipway down; the orders stay in their volume under .slipway/)");
  try {
    await slipway(["down", "-p", PROJECT]);
  } catch (error) {
    report(error);
    process.exitCode = 1;
  }
}

function report(error: unknown): void {
  const { message, code, remedy } = toSlipwayError(error);
  process.stderr.write(`\ndemo: ${message} [${code}]\n  → ${remedy}\n`);
}

function whereToLook({ httpsPort }: DemoOptions): string {
  const url = `https://${SHOP_HOST}:${httpsPort}/`;
  return `./slipway ca show > /tmp/slipway-ca.pem
curl --cacert /tmp/slipway-ca.pem --resolve ${SHOP_HOST}:${httpsPort}:127.0.0.1 ${url}
curl --cacert /tmp/slipway-ca.pem --resolve ${SHOP_HOST}:${httpsPort}:127.0.0.1 -d '{"item":"lantern"}' ${url}orders
./slipway logs -f                    what the containers say
./slipway events                     what happened, and when
./slipway inspect web --plan         the system calls that launched a container
./slipway why web                    why it is in its state
./slipway trace ls                   what was done, and how long it took
./slipway exec orders cat /data/orders.ndjson
./slipway run --rm host sh -c 'id; ps'
A browser shows ${url} when it trusts /tmp/slipway-ca.pem.

Ctrl-C takes everything down.`;
}
