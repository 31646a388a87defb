import { appendFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Journal } from "./journal.ts";

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "shop-journal-"));
  path = join(folder, "orders.ndjson");
});
afterEach(async () => rm(folder, { recursive: true, force: true }));

test("orders are numbered in the order in which they came, and are there when it is opened again", async () => {
  const journal = await Journal.open(path);
  await Promise.all(["rope", "anchor", "lantern"].map((item) => journal.append({ item, quantity: 1 })));
  await journal.close();
  const again = await Journal.open(path);
  expect(again.orders).toMatchObject([
    { number: 1, item: "rope" },
    { number: 2, item: "anchor" },
    { number: 3, item: "lantern" },
  ]);
  await again.close();
});

test("a line that was torn by a loss of power is cut off, and the next order stands on a line of its own", async () => {
  const journal = await Journal.open(path);
  await journal.append({ item: "rope", quantity: 1 });
  await journal.close();
  await appendFile(path, `{"number":2,"item":"${"anchor ".repeat(40)}`);
  const again = await Journal.open(path);
  await again.append({ item: "lantern", quantity: 1 });
  await again.close();
  const lines = (await readFile(path, "utf8")).trimEnd().split("\n");
  expect(lines.map((line) => (JSON.parse(line) as { item: string }).item)).toEqual(["rope", "lantern"]);
});
