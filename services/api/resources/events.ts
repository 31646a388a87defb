import { Type } from "typebox";
import { PlatformEvent } from "#contracts/event.ts";
import type { ApiApp } from "../api-app.ts";
import type { ApiContext } from "../api-context.ts";
import { clientSignal } from "../client-signal.ts";
import { apiError } from "../errors.ts";
import { asLines, sendLines } from "../line-stream.ts";
import { linesOf } from "./answers.ts";

const querystring = Type.Object({
  since: Type.Optional(Type.String({ description: "A cursor, to go on after it, or an RFC 3339 time." })),
  follow: Type.Optional(Type.Boolean()),
  project: Type.Optional(Type.String()),
});
const Recorded = Type.Object({ cursor: Type.Integer(), event: PlatformEvent });

export function eventsResource(app: ApiApp, context: ApiContext): void {
  app.get(
    "/events",
    { schema: { summary: "What happened", querystring, response: linesOf(Recorded) } },
    async ({ query }, reply) => {
      const { follow = false, project } = query;
      const since = query.since === undefined ? undefined : parseSince(query.since);
      const signal = clientSignal(reply, context.closing);
      const events = context.platform.events.read({
        follow,
        signal,
        ...(since === undefined ? {} : { since }),
        ...(project === undefined ? {} : { project }),
      });
      await sendLines(reply, asLines(events), signal, context.log);
    },
  );
}

/** A cursor is a number, a time is RFC 3339. */
export function parseSince(text: string): number | Date {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  const time = new Date(text);
  if (!/^\d{4}-\d\d-\d\d/.test(text) || Number.isNaN(time.getTime())) {
    throw apiError("SLIPWAY_API_REQUEST_INVALID", `since=${text} is neither an event's cursor nor an RFC 3339 time`);
  }
  return time;
}
