import { afterEach, expect, test, vi } from "vitest";
import type { EventType } from "#contracts/event.ts";
import type { EventLog, NewEvent } from "#messaging/platform.ts";
import { EventOutbox } from "./event-outbox.ts";

afterEach(() => vi.restoreAllMocks());

/** A log whose appends end as the test says, which a real server does not do on demand. */
class LogInHand {
  readonly asked: { subject: string; settle: PromiseWithResolvers<number> }[] = [];

  append({ subject }: NewEvent): Promise<number> {
    const settle = Promise.withResolvers<number>();
    this.asked.push({ subject, settle });
    return settle.promise;
  }

  get subjects(): string {
    return this.asked.map(({ subject }) => subject).join("");
  }

  end(index: number, failure?: Error): void {
    if (failure === undefined) this.asked[index]?.settle.resolve(index);
    else this.asked[index]?.settle.reject(failure);
  }
}

const type: EventType = "instance.created";
const until = (log: LogInHand, subjects: string): Promise<void> =>
  vi.waitFor(() => expect(log.subjects).toBe(subjects), { timeout: 5_000, interval: 5 });

test("events that come while others are on their way go together, in their order", async () => {
  const log = new LogInHand();
  await using outbox = new EventOutbox("n1");
  outbox.append({ type, subject: "a" });
  outbox.append({ type, subject: "b" });
  outbox.open(log as unknown as EventLog);
  await until(log, "ab");
  outbox.append({ type, subject: "c" });
  outbox.append({ type, subject: "d" });
  log.end(0);
  expect(log.subjects).toBe("ab");
  log.end(1);
  await until(log, "abcd");
  for (const index of [2, 3]) log.end(index);
});

test("what is not stored is sent again, before what came later, and what is stored is not", async () => {
  vi.spyOn(console, "error").mockReturnValue();
  const log = new LogInHand();
  await using outbox = new EventOutbox("n1");
  outbox.append({ type, subject: "a" });
  outbox.open(log as unknown as EventLog);
  for (const subject of ["b", "c"]) outbox.append({ type, subject });
  await until(log, "a");
  log.end(0);
  await until(log, "abc");
  outbox.append({ type, subject: "d" });
  log.end(2);
  log.end(1, new Error("away"));
  await until(log, "abcbd");
  for (const index of [3, 4]) log.end(index);
});
