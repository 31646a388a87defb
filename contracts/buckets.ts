import type { TSchema } from "typebox";
import { Assignment, ObservedInstance } from "./instance.ts";
import { DesiredProject } from "./project-spec.ts";
import { RouteEntry } from "./route.ts";

/** A JetStream KV bucket of the platform's account. */
export interface BucketDefinition<Schema extends TSchema = TSchema> {
  name: string;
  schema: Schema;
  /** file: synced before the ack, survives everything. memory: gone with nats-server. */
  storage: "file" | "memory";
}

const bucket = <Schema extends TSchema>(
  name: string,
  storage: "file" | "memory",
  schema: Schema,
): BucketDefinition<Schema> => ({
  name,
  storage,
  schema,
});

export const BUCKETS = {
  desired: bucket("desired", "file", DesiredProject),
  assignments: bucket("assignments", "file", Assignment),
  observed: bucket("observed", "file", ObservedInstance),
  routes: bucket("routes", "file", RouteEntry),
} as const;

export const instanceKey = (node: string, instanceId: string): string => `${node}.${instanceId}`;
/** KV keys take no `*` or `/`: host and path go in as base64url. */
export const routeKey = (host: string, path: string): string =>
  `${Buffer.from(host).toString("base64url")}.${Buffer.from(path).toString("base64url")}`;
