import { defineErrors } from "#contracts/slipway-error.ts";

export const API_ERRORS = {
  SLIPWAY_API_REQUEST_INVALID: { status: 400, remedy: "Correct the request; GET /v1/openapi.json describes every one." },
  SLIPWAY_API_NOT_FOUND: { status: 404, remedy: "GET /v1/openapi.json lists every path." },
  SLIPWAY_API_UNAUTHORIZED: {
    status: 401,
    remedy:
      "Send the token in the home's keys/api-token as `Authorization: Bearer <token>` (SLIPWAY_TOKEN), or use the unix socket as root.",
  },
  SLIPWAY_API_SOCKET_IN_USE: {
    status: 409,
    remedy: "Stop the other server, or start this one with another --home.",
  },
  SLIPWAY_API_TOKEN_DAMAGED: {
    status: 500,
    remedy: "Delete the file and restart the platform: a new token is made.",
  },
  SLIPWAY_API_PROJECT_INVALID: { status: 400, remedy: "Correct the Compose file at the place that the message names." },
  SLIPWAY_API_PROJECT_UNKNOWN: { status: 404, remedy: "`slipway ps -a` shows what there is." },
  SLIPWAY_API_PROJECT_REMOVING: { status: 409, remedy: "Wait until `slipway down` has finished, then try again." },
  SLIPWAY_API_PROJECT_CONTENDED: { status: 409, remedy: "Others change this project at the same time: try again." },
  SLIPWAY_API_ROUTE_CONFLICT: { status: 409, remedy: "Choose another host or path, or take the other project down." },
  SLIPWAY_API_PORT_CONFLICT: {
    status: 409,
    remedy: "Publish another host port, leave the host port out (the node then chooses one), or take the other down.",
  },
  SLIPWAY_API_NAME_CONFLICT: { status: 409, remedy: "Choose another container_name, or remove the instance that has it." },
  SLIPWAY_API_INSTANCE_UNKNOWN: { status: 404, remedy: "`slipway ps -a` shows what there is." },
  SLIPWAY_API_INSTANCE_AMBIGUOUS: { status: 409, remedy: "Give more digits of the id." },
  SLIPWAY_API_INSTANCE_RUNNING: { status: 409, remedy: "Stop it first, or remove it with --force." },
  SLIPWAY_API_INSTANCE_NOT_RUNNING: { status: 409, remedy: "Start it first; `slipway logs` may say why it ended." },
  SLIPWAY_API_IMAGE_UNKNOWN: { status: 404, remedy: "`slipway image ls` shows what there is." },
  SLIPWAY_API_VOLUME_UNKNOWN: { status: 404, remedy: "`slipway volume ls` shows what there is." },
  SLIPWAY_API_NETWORK_UNKNOWN: { status: 404, remedy: "`slipway network ls` shows what there is." },
  SLIPWAY_API_TRACE_UNKNOWN: {
    status: 404,
    remedy: "`slipway trace ls` shows what there is; traces are kept for some days.",
  },
  SLIPWAY_API_TRACE_AMBIGUOUS: { status: 409, remedy: "Give more digits of the id." },
  SLIPWAY_API_CA_MISSING: { status: 404, remedy: "The gateway makes the local CA when it starts: try again in a moment." },
  SLIPWAY_API_DISK_FULL: {
    status: 507,
    remedy: "Free space on that disk (`slipway image rm`, `slipway volume rm`, old logs), then run the command again.",
  },
  SLIPWAY_API_CLOSING: {
    status: 503,
    remedy: "Run the command again in a moment; `slipway logs` shows what a container has said meanwhile.",
  },
} as const;

export const apiError = defineErrors(API_ERRORS);
