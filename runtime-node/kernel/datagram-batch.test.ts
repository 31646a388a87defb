import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openDnsSockets, boundAddress } from "../dns/dns-sockets.ts";
import { DatagramBatch } from "./datagram-batch.ts";
import { LinuxKernel } from "./linux-kernel.ts";
import { formatIpv4 } from "./netlink/ipv4.ts";

const kernel = new LinuxKernel();
const SLOT_BYTES = 16;

let scope: AsyncDisposableStack;
let fd: number;
let client: Socket;
beforeEach(async () => {
  scope = new AsyncDisposableStack();
  const sockets = openDnsSockets(kernel, { address: "127.0.0.1", port: 0 });
  fd = sockets.udp;
  kernel.call("close", sockets.tcp);
  scope.defer(() => void kernel.call("close", fd));
  client = createSocket("udp4").bind(0, "127.0.0.1");
  scope.defer(() => void client.close());
  await once(client, "listening");
});
afterEach(() => scope.disposeAsync());

function openBatch(): DatagramBatch {
  const batch = new DatagramBatch(kernel, fd, SLOT_BYTES);
  batch.startOver();
  return batch;
}

/** What is sent over loopback waits at the receiver's when the sender is told that it went. */
async function send(...texts: string[]): Promise<void> {
  const { port } = boundAddress(kernel, fd);
  for (const text of texts) {
    await new Promise<void>((resolve, reject) => {
      client.send(text, port, "127.0.0.1", (error) => (error === null ? resolve() : reject(error)));
    });
  }
}

function look(batch: DatagramBatch): string[] {
  return Array.from({ length: batch.peek() }, (_, index) => {
    const start = batch.startOf(index);
    return batch.bytes.toString("latin1", start, start + Math.min(batch.lengthOf(index), SLOT_BYTES));
  });
}

function answer(batch: DatagramBatch, index: number, text: string): void {
  batch.bytes.write(text, batch.startOf(index), "latin1");
  batch.setAnswer(index, text.length);
}

describe("a batch of datagrams", () => {
  it("shows each of those that wait once, with its sender, until it starts over", async () => {
    const batch = openBatch();
    await send("one", "two");
    expect(look(batch)).toEqual(["one", "two"]);
    expect(batch.sockaddrOf(0).readUInt16BE(2)).toBe(client.address().port);
    expect(formatIpv4(batch.sockaddrOf(0).subarray(4))).toBe("127.0.0.1");
    expect(batch.senderOf(0)).toBe(Buffer.from([127, 0, 0, 1]).readInt32LE());
    await send("three");
    expect(look(batch)).toEqual(["three"]);
    expect(look(batch)).toEqual([]);
    batch.startOver();
    expect(look(batch)).toEqual(["one", "two", "three"]);
  });

  it("takes off no more than it is told, long and empty ones among them, and goes on behind those it showed", async () => {
    const batch = openBatch();
    const long = "a datagram that is longer than a slot";
    await send("one", "", long, "four");
    expect(look(batch)).toEqual(["one", "", long.slice(0, SLOT_BYTES), "four"]);
    expect(batch.lengthOf(2)).toBe(long.length);
    batch.takeOff(3);
    await send("five");
    expect(look(batch)).toEqual(["five"]);
    batch.startOver();
    expect(look(batch)).toEqual(["four", "five"]);
    batch.takeOff(2);
    batch.startOver();
    expect(look(batch)).toEqual([]);
  });

  it("leaves what waits to the socket's next owner, whose looks begin at the first", async () => {
    await send("one", "two");
    expect(look(openBatch())).toEqual(["one", "two"]);
    const next = openBatch();
    expect(look(next)).toEqual(["one", "two"]);
    next.finish();
    expect(look(next).slice(0, 2)).toEqual(["one", "one"]);
  });

  it("sends answers to their senders and passes over one that cannot be sent; a slot is as long as ever afterwards", async () => {
    const batch = openBatch();
    await send("one", "two", "three");
    expect(look(batch)).toHaveLength(3);
    const answers: string[] = [];
    client.on("message", (message) => answers.push(message.toString()));
    answer(batch, 0, "first");
    // More than a datagram can have.
    batch.setAnswer(1, 1 << 20);
    answer(batch, 2, "third");
    batch.send(0, 3);
    await expect.poll(() => answers).toEqual(["first", "third"]);
    batch.takeOff(3);
    await send("a longer one");
    expect(look(batch)).toEqual(["a longer one"]);
  });
});
