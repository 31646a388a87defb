// Asks for the service `web` over and over, each question once: as datagrams of its own, and through libc (getaddrinfo). On SIGUSR2
// it says what came of it.
import { createSocket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

const NAME = "web";
/** Long: whether the question itself is answered is the question, not when. libc would ask again after 5 seconds (resolv.conf(5)). */
const ONE_TRY_MS = 20_000;
const seen = { datagrams: 0, lookups: 0, slowestMs: 0, problems: /** @type {string[]} */ ([]) };

const server = /^nameserver (\S+)/m.exec(readFileSync("/etc/resolv.conf", "utf8"))?.[1];
const socket = createSocket("udp4");
const question = Buffer.concat([
  Buffer.from([0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, NAME.length]),
  Buffer.from(NAME),
  Buffer.from([0, 0, 1, 0, 1]),
]);

/** A question answered twice is no problem; one that is not answered is. */
async function askByDatagram() {
  const id = (seen.datagrams + 1) & 0xffff;
  question.writeUInt16BE(id, 0);
  socket.send(question, 53, server);
  for (;;) {
    const [answer] = await once(socket, "message", { signal: AbortSignal.timeout(ONE_TRY_MS) });
    if (answer.readUInt16BE(0) !== id) continue;
    const isRight = (answer.readUInt16BE(2) & 15) === 0 && answer.readUInt16BE(6) === 1;
    if (!isRight) throw new Error(`the answer is ${answer.toString("hex")}`);
    return;
  }
}

/**
 * @param {"datagrams" | "lookups"} kind
 * @param {() => Promise<unknown>} ask
 */
async function forEver(kind, ask) {
  for (;;) {
    const before = performance.now();
    try {
      await ask();
    } catch (error) {
      seen.problems.push(`${kind} ${seen[kind]}: ${String(error)}`);
    }
    seen[kind] += 1;
    seen.slowestMs = Math.max(seen.slowestMs, Math.round(performance.now() - before));
  }
}

/** The service may start after this one. */
async function untilThere() {
  for (;;) {
    try {
      return await lookup(NAME);
    } catch {
      await delay(20);
    }
  }
}

await untilThere();
process.on("SIGUSR2", () => console.log(`summary ${JSON.stringify(seen)}`));
void forEver("datagrams", askByDatagram);
void forEver("lookups", () => lookup(NAME));
console.log("asking");
