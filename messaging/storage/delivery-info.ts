/** What JetStream says of a delivered message in its reply subject. */
export interface DeliveryInfo {
  streamSequence: number;
  /** Counts what was delivered to this consumer, from 1, without a gap. */
  consumerSequence: number;
  /** How many are to come. */
  pending: number;
}

/**
 * `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>`, and since ADR-15 with a domain and an
 * account hash before the stream and a random token at the end.
 */
export function readDeliveryInfo(reply: string | undefined): DeliveryInfo {
  const tokens = (reply ?? "").split(".");
  const skip = tokens.length >= 11 ? 2 : 0;
  if (tokens[0] !== "$JS" || tokens[1] !== "ACK" || tokens.length < 9)
    throw new RangeError(`${reply} is not a JetStream delivery`);
  return {
    streamSequence: Number(tokens[5 + skip]),
    consumerSequence: Number(tokens[6 + skip]),
    pending: Number(tokens[8 + skip]),
  };
}
