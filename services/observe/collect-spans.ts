import { parse } from "#contracts/parse.ts";
import { CONTROL_SUBJECTS } from "#contracts/subjects.ts";
import { SpanBatch } from "#contracts/trace.ts";
import type { Platform } from "#messaging/platform.ts";
import type { TraceArchive } from "#services/state/trace-archive.ts";

/** Takes the spans that the processes of the nodes send, until disposed. */
export function collectSpans(platform: Platform, archive: Pick<TraceArchive, "add">): AsyncDisposable {
  return platform.serve<unknown, object>(
    CONTROL_SUBJECTS.recordSpans,
    async (batch) => {
      await archive.add(parse(SpanBatch, batch, "spans"));
      return {};
    },
    { queue: "control" },
  );
}
