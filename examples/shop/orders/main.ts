// Orders: takes them over NATS, keeps them in a journal, and tells who listens.
import { rmSync, writeFileSync } from "node:fs";
import type { Msg } from "@nats-io/transport-node";
import { connectToNats } from "../shared/nats.ts";
import { Journal, type NewOrder, type Order } from "./journal.ts";

const READY_FILE = "/tmp/ready";

const journal = await Journal.open("/data/orders.ndjson");
const nats = await connectToNats("orders");

void serve("orders.place", async (message) => place(message.json<NewOrder>()));
void serve("orders.count", async () => ({ count: journal.orders.length }));
await nats.flush();

// The health check looks for this file.
writeFileSync(READY_FILE, "");
console.log(`orders: ready, ${journal.orders.length} in the journal`);

process.once("SIGTERM", () => {
  rmSync(READY_FILE, { force: true });
  // Answers what has come in, then closes.
  void nats
    .drain()
    .then(() => journal.close())
    .then(() => process.exit(0));
});

/** Answers only when the order is on disk: what was confirmed is not lost. */
async function place({ item, quantity, cents }: NewOrder): Promise<Order> {
  if (typeof item !== "string" || !Number.isInteger(quantity) || quantity < 1)
    throw new Error("an order names an item and a quantity");
  const order = await journal.append({ item, quantity, ...(cents === undefined ? {} : { cents }) });
  nats.publish("orders.placed", JSON.stringify(order));
  console.log(`orders: number ${order.number}, ${quantity} of ${item}`);
  return order;
}

/** Answers the requests of a subject, one after the other; what goes wrong is the answer, too. */
async function serve(subject: string, handle: (message: Msg) => Promise<object>): Promise<void> {
  for await (const message of nats.subscribe(subject)) {
    const answer = await handle(message).catch((failure: unknown) => ({ error: (failure as Error).message }));
    message.respond(JSON.stringify(answer));
  }
}
