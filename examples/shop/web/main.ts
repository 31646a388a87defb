// The shop's face: GET / is what there is to buy and how many orders there are, POST /orders places one.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { connectToNats } from "../shared/nats.ts";
import { type Item, type Order, page } from "./page.ts";

const PORT = 8080;
const MAXIMUM_ORDER_BYTES = 10_000;
const TIMEOUT_MS = 3_000;
const { CATALOG_URL = "", GREETING = "" } = process.env;

/** The caller's mistake: answered with 400. All other errors are 503. */
class Refusal extends Error {}

const nats = await connectToNats("web");
/** The newest orders, as `orders` tells of them. */
let recent: Order[] = [];
nats.subscribe("orders.placed", {
  callback: (error, message) => {
    if (error) console.error(`web: ${error.message}`);
    else recent = [message.json<Order>(), ...recent].slice(0, 5);
  },
});

const server = createServer((request, response) => {
  handle(request, response).catch((error: unknown) => {
    const { message } = error as Error;
    console.error(`web: ${request.method} ${request.url}: ${message}`);
    send(response, error instanceof Refusal ? 400 : 503, { error: message });
  });
});
server.listen(PORT, () => console.log(`web: listening on port ${PORT}`));

process.once("SIGTERM", () => {
  // Answers what has come in, then closes.
  server.close(() => void nats.drain().then(() => process.exit(0)));
  server.closeIdleConnections();
});

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? "/", "http://shop");
  const wanted = `${request.method} ${pathname}`;
  if (wanted === "GET /") await showShop(request, response);
  else if (wanted === "POST /orders") send(response, 201, await placeOrder(await readJson(request)));
  else if (wanted === "GET /health") send(response, nats.isClosed() ? 503 : 200, {});
  else send(response, 404, { error: `there is no ${wanted}` });
}

async function showShop(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [items, { count }] = await Promise.all([
    fetchCatalog<Item[]>("/items"),
    requestOrders<{ count: number }>("orders.count", {}),
  ]);
  const shop = { greeting: GREETING, items, orders: { count, recent } };
  if (!(request.headers.accept ?? "").includes("text/html")) return send(response, 200, shop);
  response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(page(shop));
}

async function placeOrder({ item, quantity = 1 }: { item?: unknown; quantity?: unknown }): Promise<Order> {
  if (typeof item !== "string") throw new Refusal('an order names an item, as in {"item": "rope", "quantity": 2}');
  const { cents } = await fetchCatalog<Item>(`/items/${encodeURIComponent(item)}`);
  const order = await requestOrders<Order & { error?: string }>("orders.place", { item, quantity, cents });
  if (order.error !== undefined) throw new Refusal(order.error);
  return order;
}

/** By the service's DNS name. */
async function fetchCatalog<Answer>(path: string): Promise<Answer> {
  const response = await fetch(`${CATALOG_URL}${path}`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (response.status === 404) throw new Refusal("the catalogue has no such item");
  if (!response.ok) throw new Error(`the catalogue answered ${response.status}`);
  return (await response.json()) as Answer;
}

/** A request over NATS: one question, one answer. */
async function requestOrders<Answer>(subject: string, question: object): Promise<Answer> {
  const answer = await nats.request(subject, JSON.stringify(question), { timeout: TIMEOUT_MS });
  return answer.json<Answer>();
}

async function readJson(request: IncomingMessage): Promise<object> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) {
    text += chunk as string;
    if (text.length > MAXIMUM_ORDER_BYTES) throw new Refusal("that is no order, it is a book");
  }
  try {
    return JSON.parse(text) as object;
  } catch {
    throw new Refusal("an order is JSON");
  }
}

function send(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(`${JSON.stringify(value)}\n`);
}
