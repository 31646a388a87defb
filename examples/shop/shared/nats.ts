import { readFileSync } from "node:fs";
import { connect, credsAuthenticator, type NatsConnection } from "@nats-io/transport-node";

/**
 * Connects with what Slipway gives every instance: NATS_URL, and NATS_CREDS, the path of its credentials. These are renewed while
 * it runs, so the file is read anew for each connection.
 */
export function connectToNats(name: string): Promise<NatsConnection> {
  const { NATS_URL, NATS_CREDS } = process.env;
  if (NATS_URL === undefined || NATS_CREDS === undefined)
    throw new Error("NATS_URL and NATS_CREDS are not set: is this Slipway?");
  return connect({
    name,
    servers: NATS_URL,
    authenticator: (nonce) => credsAuthenticator(readFileSync(NATS_CREDS))(nonce),
    waitOnFirstConnect: true,
    maxReconnectAttempts: -1,
  });
}
