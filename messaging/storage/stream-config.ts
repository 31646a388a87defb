import type { StreamConfig } from "@nats-io/jetstream";
import { messagingError } from "../errors.ts";

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
