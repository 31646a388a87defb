import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { type Authenticator, connect, errors } from "@nats-io/transport-node";
import { messagingError } from "../errors.ts";
import { parseCreds } from "../identity/creds-file.ts";
import { inboxPrefix } from "../identity/process-permissions.ts";
import { readJwt } from "../identity/jwt.ts";
import { Link } from "./link.ts";

const FIRST_CONNECT_RETRY_MS = 100;
/** A restarted nats-server is found again within this, and not by all clients at the same instant. */
const RECONNECT_WAIT_MS = 100;
const RECONNECT_JITTER_MS = 100;
/** A server that dies between greeting and welcome is noticed by the client library only at this limit. */
const CONNECT_TIMEOUT_MS = 3_000;
/** A server that hangs is given up after three of these. */
const PING_INTERVAL_MS = 5_000;

export interface LinkOptions {
  /** `nats://address:port` */
  url: string;
  /** A `.creds` file, read again at each reconnect, so that renewed credentials are taken up. */
  credsFile: string;
  /** Shows in the server's log. */
  name: string;
  signal?: AbortSignal;
  /** Takes what goes wrong without anybody waiting for it; standard error when absent. */
  log?: (line: string) => void;
  /** Called when the server answers and stores nothing: its disk is full, or was. */
  onStoreStuck?: () => void;
}

/**
 * Connects, waiting for a server that is not there yet until the signal aborts, and then reconnects for ever. Answers come to the
 * inbox of the credentials' user. Refused credentials are SLIPWAY_MESSAGING_DENIED at once.
 */
export async function openLink(options: LinkOptions): Promise<Link> {
  const { url, credsFile, name, signal } = options;
  const inboxes = inboxPrefix(readJwt(readCreds(credsFile).jwt).name);
  for (;;) {
    signal?.throwIfAborted();
    try {
      const connection = await connect({
        servers: url,
        name,
        authenticator: authenticateWith(credsFile),
        inboxPrefix: inboxes,
        // The addresses that a server gossips are its own view of the network, not ours.
        ignoreClusterUpdates: true,
        // Else each request makes an error for its stack beforehand.
        noAsyncTraces: true,
        // Credentials may be renewed in the file while the old ones are refused.
        ignoreAuthErrorAbort: true,
        maxReconnectAttempts: -1,
        reconnectTimeWait: RECONNECT_WAIT_MS,
        reconnectJitter: RECONNECT_JITTER_MS,
        timeout: CONNECT_TIMEOUT_MS,
        pingInterval: PING_INTERVAL_MS,
      });
      const log = options.log ?? ((line: string) => process.stderr.write(`${line}\n`));
      return new Link(connection, inboxes, { log, onStoreStuck: options.onStoreStuck ?? (() => {}) });
    } catch (cause) {
      if (cause instanceof errors.AuthorizationError || cause instanceof errors.UserAuthenticationExpiredError) {
        throw messagingError("SLIPWAY_MESSAGING_DENIED", `${url} refuses the credentials in ${credsFile}`, { cause });
      }
      await delay(FIRST_CONNECT_RETRY_MS, undefined, { ...(signal && { signal }) });
    }
  }
}

function authenticateWith(credsFile: string): Authenticator {
  return (nonce) => {
    const { jwt, key } = readCreds(credsFile);
    return { jwt, nkey: key.publicKey, sig: key.sign(nonce ?? "").toString("base64url") };
  };
}

function readCreds(path: string): ReturnType<typeof parseCreds> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw messagingError("SLIPWAY_MESSAGING_DENIED", `the credentials file ${path} cannot be read`, { cause });
  }
  return parseCreds(text, path);
}
