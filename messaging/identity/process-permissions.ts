import { BUCKETS } from "#contracts/buckets.ts";
import { EVENT_STREAM } from "#contracts/subjects.ts";
import type { UserPermissions } from "./claims.ts";

/** The processes of the platform that connect to its account, each with credentials of its own. */
export const PLATFORM_PROCESSES = ["control", "agent", "gateway"] as const;
export type PlatformProcess = (typeof PLATFORM_PROCESSES)[number];

/** Where a process receives answers: a prefix of its own, so that none reads another's. */
export const inboxPrefix = (process: string): string => `_INBOX.${process}`;

/** What each process may do in the platform's account, in subjects. */
export function processPermissions(process: PlatformProcess): UserPermissions {
  const answers = `${inboxPrefix(process)}.>`;
  // Answers and stream frames go to the inboxes of others; the frames of flow control are JetStream's own.
  const always = ["_INBOX.>", "$JS.API.INFO", "$JS.FC.>"];
  const eventLog = [...streamAccess(EVENT_STREAM), "slipway.events.>"];
  switch (process) {
    case "control":
      return { publish: ["_INBOX.>", "$JS.>", "$KV.>", "slipway.>"], subscribe: [answers, "slipway.>"] };
    case "agent":
      return {
        publish: [
          ...always,
          ...eventLog,
          ...bucketAccess("assignments"),
          ...bucketAccess("observed"),
          `$KV.${BUCKETS.observed.name}.>`,
          "slipway.control.>",
        ],
        subscribe: [answers, "slipway.node.>"],
      };
    case "gateway":
      return {
        publish: [...always, ...eventLog, ...bucketAccess("routes"), ...bucketAccess("observed"), "slipway.control.>"],
        subscribe: [answers, "slipway.gateway.>"],
      };
  }
}

/** The system account's user by which control pushes accounts: claims, and nothing else of the system's. */
export const SYSTEM_USER_PERMISSIONS: UserPermissions = {
  publish: ["$SYS.REQ.CLAIMS.UPDATE", "$SYS.REQ.CLAIMS.DELETE", "$SYS.REQ.ACCOUNT.*.CLAIMS.LOOKUP"],
  subscribe: [`${inboxPrefix("system")}.>`],
};

const bucketAccess = (bucket: keyof typeof BUCKETS): string[] => streamAccess(`KV_${BUCKETS[bucket].name}`);

/** Making a stream on first use, and reading it: whoever starts first makes it. */
function streamAccess(stream: string): string[] {
  return [
    `$JS.API.STREAM.INFO.${stream}`,
    `$JS.API.STREAM.CREATE.${stream}`,
    `$JS.API.STREAM.MSG.GET.${stream}`,
    `$JS.API.CONSUMER.CREATE.${stream}.>`,
    `$JS.API.CONSUMER.DELETE.${stream}.*`,
  ];
}
