import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { PlatformProcessName, TestPlatform } from "#test/e2e/platform.ts";

const PROCESSES: readonly PlatformProcessName[] = ["agent", "control", "gateway", "nats-server"];
/** How many looks at the machine are taken for a child that has not executed its program yet. */
const LOOKS = 40;

/** kill -9 of the platform's processes and of launches: of children of the supervisor, before and after they execute their program. */
export class Killer {
  readonly #platform: TestPlatform;
  readonly #supervisor: number;
  readonly #nodeBinary: string;
  /** Parents of the processes seen so far: a pid that comes again so soon is not worth a second look. */
  readonly #parents = new Map<number, number>();
  #busy: Promise<unknown> = Promise.resolve();

  constructor(platform: TestPlatform) {
    this.#platform = platform;
    this.#supervisor = platform.pidOf("server");
    this.#nodeBinary = readlinkSync(`/proc/${this.#supervisor}/exe`);
  }

  /** Kills one of the platform's processes, one after the other; resolves to false when it was dead already. */
  kill(name: PlatformProcessName): Promise<boolean> {
    const killed = this.#busy.then(async () => {
      try {
        await this.#platform.crash(name);
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
        throw error;
      }
    });
    this.#busy = killed.catch(() => {});
    return killed;
  }

  /** Kills a launch; resolves to what it met. */
  async killLaunch(): Promise<"parked" | "running" | "none"> {
    for (let look = 0; look < LOOKS; look++) {
      const parked = this.#launches().find((pid) => this.#isParked(pid));
      if (parked !== undefined && killIfThere(parked)) return "parked";
      await nextTurn();
    }
    const youngest = this.#launches().at(-1);
    return youngest !== undefined && killIfThere(youngest) ? "running" : "none";
  }

  /** Until it executes its program, a child shares our memory: its executable is the supervisor's. */
  #isParked(pid: number): boolean {
    try {
      return readlinkSync(`/proc/${pid}/exe`) === this.#nodeBinary;
    } catch {
      return false;
    }
  }

  /** Children of the supervisor that are none of the platform's own processes, oldest first. */
  #launches(): number[] {
    const own = new Set(PROCESSES.map((name) => this.#platform.pidOf(name)));
    const pids = readdirSync("/proc")
      .map(Number)
      .filter((pid) => pid > 0);
    for (const pid of this.#parents.keys()) if (!pids.includes(pid)) this.#parents.delete(pid);
    return pids.filter((pid) => !own.has(pid) && this.#parentOf(pid) === this.#supervisor);
  }

  #parentOf(pid: number): number {
    const known = this.#parents.get(pid);
    if (known !== undefined) return known;
    const parent = readParent(pid);
    this.#parents.set(pid, parent);
    return parent;
  }
}

function readParent(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return 0;
  }
}

function killIfThere(pid: number): boolean {
  try {
    process.kill(pid, "SIGKILL");
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}
