import { defineErrors } from "#contracts/slipway-error.ts";

const REPORT = "Try again; if it stays, tell whoever runs this site, with the request id.";

export const GATEWAY_ERRORS = {
  SLIPWAY_GATEWAY_NO_ROUTE: {
    status: 404,
    remedy: "Check the address. A service gets one by `x-slipway.route` (host, path, port) in its Compose file.",
  },
  SLIPWAY_GATEWAY_BAD_REQUEST: { status: 400, remedy: "Correct the request: it is not what RFC 9110 and RFC 9112 allow." },
  SLIPWAY_GATEWAY_METHOD_REFUSED: {
    status: 501,
    remedy: "Use another method: a gateway offers neither tunnels nor traces.",
  },
  SLIPWAY_GATEWAY_REQUEST_STALLED: { status: 408, remedy: "Send the request again, without pauses." },
  SLIPWAY_GATEWAY_MISDIRECTED: {
    status: 421,
    remedy: "Open a TLS connection whose server name (SNI) is the host that the request asks for.",
  },
  SLIPWAY_GATEWAY_TARGET_UNREACHABLE: { status: 502, remedy: REPORT },
  SLIPWAY_GATEWAY_TARGET_BROKE: { status: 502, remedy: REPORT },
  SLIPWAY_GATEWAY_TARGET_REMOVED: { status: 502, remedy: "Try again: another instance takes its place." },
  SLIPWAY_GATEWAY_NO_INSTANCE: {
    status: 503,
    remedy: "Try again in a moment. If it stays, `slipway ps` shows whether the service runs and is healthy.",
  },
  SLIPWAY_GATEWAY_OVERLOADED: { status: 503, remedy: "Try again in a moment, or give the service more replicas." },
  SLIPWAY_GATEWAY_STARTING: { status: 503, remedy: "Try again in a moment: the gateway has just started." },
  SLIPWAY_GATEWAY_TARGET_TIMEOUT: { status: 504, remedy: REPORT },
  SLIPWAY_GATEWAY_CA_BROKEN: {
    status: 500,
    remedy:
      "Put ca.key and ca.pem back together from a backup, or delete both: a new CA is made, which clients must trust anew.",
  },
  SLIPWAY_GATEWAY_CERTIFICATE_UNUSABLE: {
    status: 500,
    remedy: "Put a PEM certificate chain in <host>.crt and its private key in <host>.key, then touch either.",
  },
  SLIPWAY_GATEWAY_CONFIGURATION: { status: 500, remedy: "Correct the environment variable that the message names." },
  SLIPWAY_GATEWAY_LISTEN_FAILED: {
    status: 500,
    remedy: "Free the port, or choose others with `slipway server --http-port N --https-port N`.",
  },
} as const;

export const gatewayError = defineErrors(GATEWAY_ERRORS);
