import { parentPort, workerData } from "node:worker_threads";
import { SpanKeeper } from "./span-keeper.ts";
import type { StoreAnswer, StoreAnswers, StoreRequest, StoreSettings } from "./store-protocol.ts";

/** The Worker of the control process that holds the traces: one request after the other, each answered. */
const port = parentPort!;
const say = (answer: StoreAnswer): void => port.postMessage(answer);
const keeper = new SpanKeeper(workerData as StoreSettings, (notice) => say({ notice }));

port.on("message", (request: StoreRequest | "close") => {
  if (request !== "close") return say({ id: request.id, answer: answerTo(request) });
  keeper[Symbol.dispose]();
  port.close();
});

function answerTo(request: StoreRequest): StoreAnswers[keyof StoreAnswers] {
  switch (request.type) {
    case "add":
      return keeper.add(request.batch);
    case "list":
      return keeper.list(request.query);
    case "find":
      return keeper.find(request.prefix);
  }
}
