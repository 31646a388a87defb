import { defineErrors } from "#contracts/slipway-error.ts";

export const DNS_ERRORS = {
  SLIPWAY_DNS_ADDRESS_IN_USE: {
    status: 409,
    remedy:
      "Find the process that holds the address (ss -lnup 'sport = :53') and stop it, or let it listen on its own addresses only.",
  },
  SLIPWAY_DNS_BIND_FAILED: {
    status: 500,
    remedy: "The address must belong to a bridge of this node, and port 53 needs root or CAP_NET_BIND_SERVICE.",
  },
  SLIPWAY_DNS_RESOLV_CONF_UNREADABLE: {
    status: 500,
    remedy: "Make the host's resolver configuration readable; names outside of the project do not resolve until then.",
  },
} as const;

export const dnsError = defineErrors(DNS_ERRORS);
