import type { NatsConnection } from "@nats-io/transport-node";

const DRAIN_TIMEOUT_MS = 2_000;

/** Lets what is on its way out go and closes; a server that is away is not waited for. */
export async function closeConnection(connection: NatsConnection): Promise<void> {
  if (connection.isClosed()) return;
  const drained = connection.drain().catch(() => undefined);
  const { promise: impatience, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, DRAIN_TIMEOUT_MS);
  await Promise.race([drained, impatience]);
  clearTimeout(timer);
  await connection.close();
}
