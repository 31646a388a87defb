import { expect, test } from "vitest";
import { decodeFrame, type SequencedFrame } from "./frames.ts";
import { IncomingFlow } from "./incoming-flow.ts";
import { OutgoingFlow, WINDOW_BYTES } from "./outgoing-flow.ts";

const { signal } = new AbortController();

test("frames that are lost or come twice leave every chunk once and in order", async () => {
  const incoming = new IncomingFlow(() => undefined);
  const line: SequencedFrame[] = [];
  const outgoing = new OutgoingFlow((frame) => line.push(decodeFrame(frame) as SequencedFrame));
  const state = (resend: boolean) =>
    ({ kind: "state", resend, next: 0, received: incoming.received, consumed: incoming.consumed }) as const;
  const sent = Array.from({ length: 60 }, (_, n) => `chunk ${n}`);
  for (const chunk of sent) await outgoing.send(Buffer.from(chunk), signal);
  const arrivals = new Set<string>();
  for (let n = 0; line.length > 0; n++) {
    const frame = line.shift()!;
    if (n % 5 === 2) continue;
    const arrival = incoming.accept(frame);
    arrivals.add(arrival);
    if (arrival === "gap") outgoing.acknowledge(state(true));
  }
  const taken: string[] = [];
  while (incoming.consumed < incoming.received)
    taken.push(Buffer.from((await incoming.take(signal)) as Uint8Array).toString());
  expect(taken).toEqual(sent);
  expect([...arrivals].toSorted()).toEqual(["accepted", "gap", "repeated"]);
  outgoing.acknowledge(state(false));
  expect(outgoing.arrived).toBe(true);
});

test("an acknowledgement that was overtaken by a newer one changes nothing", async () => {
  const frames: Uint8Array[] = [];
  const outgoing = new OutgoingFlow((frame) => frames.push(frame));
  for (let n = 0; n < 4; n++) await outgoing.send(Uint8Array.of(n), signal);
  outgoing.acknowledge({ kind: "state", resend: false, next: 0, received: 3, consumed: 3 });
  outgoing.acknowledge({ kind: "state", resend: false, next: 0, received: 1, consumed: 1 });
  frames.length = 0;
  outgoing.acknowledge({ kind: "state", resend: true, next: 0, received: 3, consumed: 3 });
  expect(frames.map((frame) => decodeFrame(frame))).toEqual([{ kind: "data", seq: 3, bytes: Uint8Array.of(3) }]);
});

test("a sender without room ends with the stream's failure", async () => {
  const outgoing = new OutgoingFlow(() => undefined);
  const failing = new AbortController();
  const chunk = new Uint8Array(WINDOW_BYTES / 4);
  const sending = Array.from({ length: 8 }, () => outgoing.send(chunk, failing.signal));
  failing.abort(new Error("the other side is gone"));
  const outcomes = await Promise.allSettled(sending);
  expect(outcomes.at(-1)).toMatchObject({ status: "rejected", reason: { message: "the other side is gone" } });
});
