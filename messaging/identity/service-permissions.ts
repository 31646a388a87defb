import type { UserPermissions } from "./claims.ts";
import { requireDeclarableSubject } from "./subject-pattern.ts";

/** What a service declares under `x-slipway`. */
export interface DeclaredSubjects {
  publishes: readonly string[];
  subscribes: readonly string[];
  requests: readonly string[];
  serves: readonly string[];
}

/** Of one received message, so many answers within so long: enough for an answer in parts, not for a standing channel. */
const ANSWERS = { messages: 64, withinMs: 5 * 60_000 };
/** JetStream, system and reply subjects, which a declared `>` or `*.…` does not include. */
const RESERVED = ["$JS.>", "$SYS.>", "$KV.>", "$O.>", "$SRV.>"];

/**
 * A service's declaration as permissions; nothing else is allowed.
 *
 * | declared | may publish | may subscribe |
 * |---|---|---|
 * | publishes S | S | |
 * | subscribes S | | S |
 * | requests S | S | `_INBOX.>`, where every unmodified client receives its answers |
 * | serves S | to the reply subject of what it received | S |
 *
 * `_INBOX.>` is the project's, not the instance's: services of one project that make requests could read each other's answers.
 */
export function servicePermissions(declared: DeclaredSubjects): UserPermissions {
  const check = (subjects: readonly string[], what: string) => subjects.map((each) => requireDeclarableSubject(each, what));
  const publish = unique([...check(declared.publishes, "publishes"), ...check(declared.requests, "requests")]);
  const heard = unique([...check(declared.subscribes, "subscribes"), ...check(declared.serves, "serves")]);
  return {
    publish,
    subscribe: declared.requests.length > 0 ? [...heard, "_INBOX.>"] : heard,
    publishDeny: publish.some(startsWithWildcard) ? [...RESERVED, "_INBOX.>"] : [],
    subscribeDeny: heard.some(startsWithWildcard)
      ? declared.requests.length > 0
        ? RESERVED
        : [...RESERVED, "_INBOX.>"]
      : [],
    ...(declared.serves.length > 0 ? { respond: ANSWERS } : {}),
  };
}

const unique = (subjects: string[]): string[] => [...new Set(subjects)];
const startsWithWildcard = (subject: string): boolean => subject.startsWith("*") || subject.startsWith(">");
