import {
  type JetStreamClient,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
} from "@nats-io/jetstream";
import type { Link } from "../connection/link.ts";

const ATTEMPT_MS = 3_000;
/** nats-server's error 10058: a stream of that name with another configuration. */
const STREAM_NAME_IN_USE = 10058;

/** JetStream over one connection. */
export interface JetStream {
  link: Link;
  client: JetStreamClient;
  manager: JetStreamManager;
}

export async function openJetStream(link: Link): Promise<JetStream> {
  const options = { timeout: ATTEMPT_MS };
  return {
    link,
    client: jetstream(link.connection, options),
    manager: await jetstreamManager(link.connection, { ...options, checkAPI: false }),
  };
}

export const isStreamMissing = (error: unknown): boolean => hasApiCode(error, JetStreamApiCodes.StreamNotFound);

export const isNameInUse = (error: unknown): boolean => hasApiCode(error, STREAM_NAME_IN_USE);

export const isWrongSequence = (error: unknown): boolean =>
  hasApiCode(error, JetStreamApiCodes.StreamWrongLastSequence) ||
  hasApiCode(error, JetStreamApiCodes.StreamWrongLastSequenceUnknown);

const hasApiCode = (error: unknown, code: number): boolean => error instanceof JetStreamApiError && error.code === code;
