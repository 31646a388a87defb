import type { RecordedEvent } from "#contracts/event.ts";
import { parseSince } from "../arguments/parse-since.ts";
import { JsonArrayWriter } from "../output/json-array.ts";
import { write } from "../output/terminal.ts";
import { formatEvent } from "../output/event-line.ts";
import { defineVerb } from "../verb.ts";

export const events = defineVerb({
  name: "events",
  summary: "print what happened on the platform",
  flags: {
    follow: { type: "boolean", short: "f", help: "go on with what happens" },
    since: { type: "string", value: "TIME", help: "from then on: RFC 3339, an age as in 10m, or an event's cursor" },
    project: { type: "string", short: "p", value: "NAME", help: "of this project only" },
  },
  async run({ flags, api, signal, terminal, json }) {
    const since = /^\d+$/.test(flags.since ?? "") ? flags.since : parseSince(flags.since);
    const writer = json ? new JsonArrayWriter(terminal, flags.follow) : undefined;
    const isOfProject = (subject: string): boolean =>
      flags.project === undefined || subject === flags.project || subject.startsWith(`${flags.project}/`);
    for await (const recorded of api.lines<RecordedEvent>({
      path: ["events"],
      query: { since, follow: flags.follow },
      signal,
    })) {
      if (!isOfProject(recorded.event.subject)) continue;
      if (writer === undefined) await write(terminal.stdout, formatEvent(recorded, terminal.colour));
      else await writer.print(recorded);
    }
    writer?.end();
    signal.throwIfAborted();
  },
});
