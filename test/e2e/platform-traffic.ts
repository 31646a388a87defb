import { Agent } from "node:https";
import { ask } from "#gateway/testing/clients.ts";
import type { TestPlatform } from "./platform.ts";

export interface Traffic {
  /** Statuses, and error codes. */
  answers: Set<number | string>;
  count: number;
}

/**
 * HTTPS requests to a host without a pause until the work is done: on new connections, and on kept ones as browsers have them.
 */
export async function whileAsking<Result>(
  platform: TestPlatform,
  target: { host: string; ca: string },
  work: () => Promise<Result>,
): Promise<{ result: Result; traffic: Traffic }> {
  const traffic: Traffic = { answers: new Set(), count: 0 };
  const kept = new Agent({ keepAlive: true, maxSockets: 1 });
  let goesOn = true;
  const asker = async (agent?: Agent): Promise<void> => {
    while (goesOn) {
      traffic.answers.add(await askOnce({ httpsPort: platform.httpsPort, ...target }, agent));
      traffic.count++;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const asking = Promise.all([asker(), asker(), asker(kept)]);
  try {
    return { result: await work(), traffic };
  } finally {
    goesOn = false;
    await asking;
    kept.destroy();
  }
}

/** RFC 9110, 9.2.2: a client asks again when a kept connection was closed as it asked. */
async function askOnce(target: { httpsPort: number; host: string; ca: string }, agent?: Agent): Promise<number | string> {
  for (let attempt = 1; ; attempt++) {
    try {
      return (await ask(target, target.host, "/", agent === undefined ? {} : { agent })).status;
    } catch (error) {
      if (agent === undefined || attempt > 1) return (error as NodeJS.ErrnoException).code ?? String(error);
    }
  }
}
