import { DiscardPolicy, RetentionPolicy, StorageType, type StreamConfig } from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import { messagingError } from "../errors.ts";

/** A write that is repeated within this time is recognised by its id; more than any write is repeated for. */
const DUPLICATE_WINDOW_MS = 60_000;

export interface StreamDefinition {
  name: string;
  subjects: string[];
  storage: "file" | "memory";
  /** Of each subject so many messages are kept; absent: all. */
  perSubject?: number;
  maxAgeMs?: number;
  maxBytes?: number;
  /** Single messages may have a life time of their own (nats-server 2.11 and newer). */
  messageLifetimes?: boolean;
}

export function configOf(definition: StreamDefinition): Partial<StreamConfig> & { name: string } {
  const { name, subjects, storage, perSubject, maxAgeMs, maxBytes, messageLifetimes } = definition;
  return {
    name,
    subjects,
    storage: storage === "file" ? StorageType.File : StorageType.Memory,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.Old,
    num_replicas: 1,
    max_msgs_per_subject: perSubject ?? -1,
    max_bytes: maxBytes ?? -1,
    max_age: nanos(maxAgeMs ?? 0),
    duplicate_window: nanos(DUPLICATE_WINDOW_MS),
    deny_delete: false,
    allow_rollup_hdrs: true,
    ...(messageLifetimes ? { allow_msg_ttl: true } : {}),
  };
}

/** What a stream's users depend on; limits of age and size may differ between versions. */
const ESSENTIAL = ["subjects", "storage", "retention", "max_msgs_per_subject"] as const;

/** Compares a stream's configuration, as the server has it, with what is needed. */
export function requireMatchingConfig(found: StreamConfig, wanted: Partial<StreamConfig>): void {
  for (const field of ESSENTIAL) {
    const [has, needs] = [JSON.stringify(found[field]), JSON.stringify(wanted[field])];
    if (has === needs) continue;
    throw messagingError(
      "SLIPWAY_MESSAGING_STORE_MISMATCH",
      `stream ${found.name} has ${field} ${has}, where ${needs} is needed`,
    );
  }
}
