/** The stream of the platform's own events, and its subjects: `slipway.events.<type>.<project or _>`. */
export const EVENT_STREAM = "SLIPWAY_EVENTS";
export const EVENT_SUBJECTS = "slipway.events.>";
export const eventSubject = (type: string, project: string | undefined): string =>
  `slipway.events.${type}.${project ?? "_"}`;

/** Requests to one node's agent. */
export const nodeSubject = (node: string, operation: NodeOperation): string => `slipway.node.${node}.${operation}`;
export type NodeOperation =
  | "logs"
  | "attach"
  | "exec"
  | "plan"
  | "signal"
  | "pause"
  | "unpause"
  | "image-pull"
  | "image-import"
  | "image-list"
  | "image-remove"
  | "volume-list"
  | "volume-remove"
  | "network-list"
  | "doctor";

/** Requests to the control plane from the nodes. */
export const CONTROL_SUBJECTS = {
  /** An agent asks for an instance's NATS credentials; the answer is an {@link IssuedCredentials}. */
  issueCredentials: "slipway.control.credentials.issue",
  /** Spans for the store of traces: a SpanBatch; answered when they are kept. */
  recordSpans: "slipway.control.spans.record",
} as const;

/** Requests to the gateway. */
export const GATEWAY_SUBJECTS = {
  /** A {@link RoutesQuestion}: answered with a {@link RoutesAnswer} when it is so, or in time. */
  routesInForce: "slipway.gateway.routes-in-force",
} as const;

export interface RoutesQuestion {
  /** Of the bucket `routes`: that the gateway serves by it, or a newer one. */
  revision: number;
  /** And that no request is under way at this instance. */
  instanceId?: string;
}

export interface RoutesAnswer {
  /** False: not within the time that a question is worth. */
  inForce: boolean;
}

export interface CredentialsRequest {
  node: string;
  instanceId: string;
}

export interface IssuedCredentials {
  /** The text of a .creds file: user JWT and nkey seed. */
  creds: string;
  /** RFC 3339; renew before. */
  expiresAt: string;
}
