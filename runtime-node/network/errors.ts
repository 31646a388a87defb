import { defineErrors, type ErrorDefinition } from "#contracts/slipway-error.ts";

export const NETWORK_ERRORS = {
  SLIPWAY_NETWORK_POOL_INVALID: { status: 400, remedy: "Give a private IPv4 range as a.b.0.0/16." },
  SLIPWAY_NETWORK_NO_POOL: {
    status: 503,
    remedy: "Name a free IPv4 /16 for Slipway's networks, or remove the routes that overlap all of those tried.",
  },
  SLIPWAY_NETWORK_POOL_TAKEN: {
    status: 409,
    remedy:
      "End the other platform or remove its routes, or end this one's containers: its networks then move to another range.",
  },
  SLIPWAY_NETWORK_POOL_EXHAUSTED: {
    status: 503,
    remedy:
      "Remove networks that are no longer used (`slipway network ls`, `slipway down`), or give the platform a larger pool.",
  },
  SLIPWAY_NETWORK_ADDRESSES_EXHAUSTED: {
    status: 503,
    remedy: "Spread the services over several networks, or remove stopped instances: each keeps its address.",
  },
  SLIPWAY_NETWORK_ADDRESS_TAKEN: { status: 409, remedy: "Ask for no address, or for one that is free." },
  SLIPWAY_NETWORK_NOT_FOUND: { status: 404, remedy: "`slipway network ls` lists the networks." },
  SLIPWAY_NETWORK_NAME_TAKEN: { status: 409, remedy: "Rename the network or the project." },
  SLIPWAY_NETWORK_IN_USE: { status: 409, remedy: "Stop the instances that are attached to it first." },
  SLIPWAY_NETWORK_NAMESPACE_GONE: {
    status: 409,
    remedy: "The container ended while it was being connected; start it again.",
  },
  SLIPWAY_NETWORK_PORT_IN_USE: { status: 409, remedy: "Publish another port, or stop what uses this one." },
  SLIPWAY_NETWORK_HOST_ADDRESS_UNAVAILABLE: {
    status: 400,
    remedy: "Publish on an IPv4 address of this machine, or leave the address out for all of them.",
  },
  SLIPWAY_NETWORK_NOT_PUBLISHABLE: {
    status: 400,
    remedy: "Give the service a network that is not internal, or publish no ports.",
  },
  SLIPWAY_NETWORK_SETUP_FAILED: { status: 500, remedy: "`slipway doctor` says what this kernel lacks for networks." },
  SLIPWAY_NETWORK_STATE_UNREADABLE: {
    status: 500,
    remedy: "Restore the file from a backup, or stop all instances and delete it: addresses are then given out anew.",
  },
} as const satisfies Record<string, ErrorDefinition>;

export const networkError = defineErrors(NETWORK_ERRORS);
