import { CONTROL_SUBJECTS } from "#contracts/subjects.ts";
import type { Platform } from "#messaging/platform.ts";
import type { TraceArchive } from "#services/state/trace-archive.ts";

/** Takes the spans that the processes of the nodes send, until disposed. */
export function collectSpans(platform: Platform, archive: Pick<TraceArchive, "add">): AsyncDisposable {
  return platform.serve<Uint8Array, object>(
    CONTROL_SUBJECTS.recordSpans,
    async (batch) => {
      await archive.add(batch);
      return {};
    },
    { queue: "control", undecoded: true },
  );
}
