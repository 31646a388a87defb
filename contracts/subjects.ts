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
} as const;

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
