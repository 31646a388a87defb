import { setTimeout as delay } from "node:timers/promises";
import { homeLayout } from "#contracts/home.ts";
import type { Program, UpgradeLine, UpgradeRequest } from "#contracts/server-upgrade.ts";
import { SlipwayError } from "#contracts/slipway-error.ts";
import { cliError } from "../errors.ts";
import { converse } from "./converse.ts";

const RECONNECT_MS = 50;
/** From one program to the next it takes a fraction of a second. */
const AWAY_MS = 60_000;

export interface UpgradeOptions {
  home: string;
  /** What the supervisor is to become. */
  program: Program;
  onProgress: (message: string) => void;
  signal: AbortSignal;
}

/** Has the server of a home become this version; resolves to it when all is ready, throws with the reason when it is not. */
export async function upgradeServer({ home, program, onProgress, signal }: UpgradeOptions): Promise<string> {
  const path = homeLayout(home).upgradeSocket;
  const followed = new FollowedUpgrade(onProgress);
  await followed.listen(converse(path, { type: "upgrade", program }, signal)).catch((error: unknown) => {
    throw notReached(home, error);
  });
  const deadline = performance.now() + AWAY_MS;
  while (followed.version === undefined) {
    if (followed.pid === undefined || !isAlive(followed.pid) || performance.now() > deadline)
      throw gone(home, followed.pid);
    await delay(RECONNECT_MS, undefined, { signal });
    const follow: UpgradeRequest = { type: "follow" };
    await followed.listen(converse(path, follow, signal)).catch((error: unknown) => {
      if (error instanceof SlipwayError || signal.aborted) throw error;
    });
  }
  return followed.version;
}

/** What was said so far, over any number of connections: each begins with all that was said before. */
class FollowedUpgrade {
  version: string | undefined;
  /** Of the supervisor, once it is about to be replaced. */
  pid: number | undefined;
  readonly #onProgress: (message: string) => void;
  #seen = 0;

  constructor(onProgress: (message: string) => void) {
    this.#onProgress = onProgress;
  }

  async listen(lines: AsyncIterable<UpgradeLine>): Promise<void> {
    let index = 0;
    for await (const line of lines) if (index++ >= this.#seen) this.#take(line);
  }

  #take(line: UpgradeLine): void {
    this.#seen++;
    switch (line.type) {
      case "progress":
        return this.#onProgress(line.message);
      case "replacing":
        this.pid = line.pid;
        return;
      case "done":
        this.version = line.version;
        return;
      case "failed":
        throw new SlipwayError(line.code, { status: 500, remedy: line.remedy }, line.message);
    }
  }
}

function notReached(home: string, cause: unknown): unknown {
  const { code } = cause as NodeJS.ErrnoException;
  if (code === "EACCES") return cliError("SLIPWAY_CLI_SERVER_FORBIDDEN", `the server on ${home} is root's`, { cause });
  if (code !== "ENOENT" && code !== "ECONNREFUSED") return cause;
  const remedy = "Start it with `slipway server`: it takes over what runs. Or name another home with --home.";
  return cliError("SLIPWAY_CLI_SERVER_NOT_RUNNING", `no server runs on ${home}, so none can be upgraded`, {
    cause,
    remedy,
  });
}

function gone(home: string, pid: number | undefined): Error {
  const which = pid === undefined ? "the server" : `the server (pid ${pid})`;
  const remedy =
    "Containers run on. Start it with `slipway server`: it takes over what runs; its output says why it ended.";
  return cliError("SLIPWAY_CLI_SERVER_GONE", `${which} on ${home} did not come back from its upgrade`, { remedy });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
