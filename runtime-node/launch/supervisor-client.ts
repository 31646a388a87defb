import { connect, type Socket } from "node:net";
import type { ChildPlan } from "#kernel/plan/child-plan.ts";
import type { ProcessIdentity } from "#kernel/take-fd.ts";
import type { FdKeeper, KeptFdList } from "./kept-fds.ts";
import { receiveLines } from "./lines.ts";
import type {
  ChildReport,
  LaunchAnswer,
  RequestLine,
  ServerLine,
  SupervisorAnswer,
  SupervisorRequest,
} from "./protocol.ts";

/** The supervisor refused a request, or went away. */
export class SupervisorError extends Error {
  override readonly name = "SupervisorError";
  /** Why the kernel refused it, where it was that. */
  readonly errno: string | undefined;

  constructor(message: string, errno?: string) {
    super(message);
    this.errno = errno;
  }
}

export interface SupervisorEvents {
  exited: (report: ChildReport) => void;
  stopContainers: () => void;
  /** The connection is gone; every request under way has failed. */
  closed: () => void;
}

type Waiting = { resolve: (answer: SupervisorAnswer) => void; reject: (error: Error) => void };

/** The agent's side of the supervisor's socket. */
export class SupervisorClient implements FdKeeper, AsyncDisposable {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;

  private constructor(socket: Socket, events: SupervisorEvents) {
    this.#socket = socket;
    receiveLines(socket, (line) => this.#receive(JSON.parse(line) as ServerLine, events));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      for (const { reject } of this.#waiting.values()) reject(new SupervisorError("the supervisor closed the connection"));
      this.#waiting.clear();
      events.closed();
    });
  }

  static connect(path: string, events: SupervisorEvents): Promise<SupervisorClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new SupervisorClient(socket, events));
      });
    });
  }

  get connected(): boolean {
    return !this.#socket.destroyed;
  }

  /** Runs the plan up to where the child waits. */
  async launch(child: string, plan: ChildPlan): Promise<LaunchAnswer> {
    return (await this.#request({ type: "launch", child, plan })) as LaunchAnswer;
  }

  /** Lets a parked child go on; resolves when it has exec'd or failed. */
  async release(child: string): Promise<LaunchAnswer> {
    return (await this.#request({ type: "release", child })) as LaunchAnswer;
  }

  async abort(child: string): Promise<void> {
    await this.#request({ type: "abort", child });
  }

  /** The exit was recorded; the supervisor need not keep it. */
  async forget(child: string): Promise<void> {
    await this.#request({ type: "forget", child });
  }

  async list(): Promise<ChildReport[]> {
    const answer = await this.#request({ type: "list" });
    return answer.type === "children" ? answer.children : [];
  }

  async keepFd(name: string, owner: ProcessIdentity, fd: number): Promise<void> {
    await this.#request({ type: "keep-fd", name, owner, fd });
  }

  async dropFd(name: string): Promise<void> {
    await this.#request({ type: "drop-fd", name });
  }

  async listFds(): Promise<KeptFdList> {
    return (await this.#request({ type: "list-fds" })) as KeptFdList & { type: "fds" };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#socket.destroyed) return;
    await new Promise<void>((resolve) => {
      this.#socket.once("close", () => resolve());
      this.#socket.destroy();
    });
  }

  #request(request: SupervisorRequest): Promise<SupervisorAnswer> {
    if (this.#socket.destroyed) return Promise.reject(new SupervisorError("the supervisor is not connected"));
    const line: RequestLine = { id: this.#nextId++, ...request };
    return new Promise((resolve, reject) => {
      this.#waiting.set(line.id, { resolve, reject });
      this.#socket.write(`${JSON.stringify(line)}\n`);
    });
  }

  #receive(line: ServerLine, events: SupervisorEvents): void {
    if (line.type === "exited") return events.exited(line.report);
    if (line.type === "stop-containers") return events.stopContainers();
    const waiting = this.#waiting.get(line.id);
    this.#waiting.delete(line.id);
    if (line.type === "answer") waiting?.resolve(line.answer);
    else waiting?.reject(new SupervisorError(line.message, line.errno));
  }
}
