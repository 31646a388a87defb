import { AckPolicy, DeliverPolicy, ReplayPolicy } from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";

/** How often the server says that it is there when it has nothing to deliver. */
export const HEARTBEAT_MS = 2_000;
/** A consumer whose reader vanished is forgotten by the server after this. */
const INACTIVE_MS = 10_000;

/** Where to begin. `last-per-subject` is the newest message of each subject, then everything new. */
export type FeedStart =
  | { from: "first" }
  | { from: "last-per-subject" }
  | { from: "sequence"; sequence: number }
  | { from: "time"; time: Date };

/** A consumer of the server's that pushes to an inbox, in memory and for as long as somebody listens there. */
export function consumerConfig({
  name,
  inbox,
  filter,
  start,
}: {
  name: string;
  inbox: string;
  filter: string;
  start: FeedStart;
}) {
  return {
    name,
    deliver_subject: inbox,
    filter_subject: filter,
    ack_policy: AckPolicy.None,
    replay_policy: ReplayPolicy.Instant,
    flow_control: true,
    idle_heartbeat: nanos(HEARTBEAT_MS),
    inactive_threshold: nanos(INACTIVE_MS),
    mem_storage: true,
    num_replicas: 1,
    ...startPolicy(start),
  };
}

function startPolicy(start: FeedStart) {
  switch (start.from) {
    case "first":
      return { deliver_policy: DeliverPolicy.All };
    case "last-per-subject":
      return { deliver_policy: DeliverPolicy.LastPerSubject };
    case "sequence":
      return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: start.sequence };
    case "time":
      return { deliver_policy: DeliverPolicy.StartTime, opt_start_time: start.time.toISOString() };
  }
}
