import { expect, test } from "vitest";
import { servicePermissions } from "./service-permissions.ts";

const declare = (declared: Partial<Parameters<typeof servicePermissions>[0]>) =>
  servicePermissions({ publishes: [], subscribes: [], requests: [], serves: [], ...declared });

test("nothing declared is nothing allowed", () => {
  expect(declare({})).toEqual({ publish: [], subscribe: [], publishDeny: [], subscribeDeny: [] });
});

test("a requester hears its answers, a publisher does not", () => {
  expect(declare({ requests: ["stock.get"] })).toMatchObject({ publish: ["stock.get"], subscribe: ["_INBOX.>"] });
  expect(declare({ publishes: ["stock.changed"] })).toMatchObject({ publish: ["stock.changed"], subscribe: [] });
});

test("a server answers what it received and publishes nothing else", () => {
  const permissions = declare({ serves: ["stock.*"] });
  expect(permissions).toMatchObject({ publish: [], subscribe: ["stock.*"], respond: { messages: 64, withinMs: 300_000 } });
});

test("a declared `>` leaves out what is nats-server's", () => {
  const permissions = declare({ publishes: [">"], subscribes: ["*.created"] });
  expect(permissions.publishDeny).toEqual(expect.arrayContaining(["$JS.>", "$SYS.>", "_INBOX.>"]));
  expect(permissions.subscribeDeny).toContain("_INBOX.>");
});

test.each(["", "a..b", ".a", "a b", "a.>.b", "a.b*", "$JS.API.>", "_INBOX.>", `${"a.".repeat(20)}a`, "a".repeat(300)])(
  "the subject %j is refused with what was declared",
  (subject) => {
    expect(() => declare({ subscribes: [subject] })).toThrow(
      expect.objectContaining({
        code: "SLIPWAY_MESSAGING_SUBJECT_INVALID",
        message: expect.stringContaining(`subscribes ${JSON.stringify(subject)}`),
      }),
    );
  },
);
