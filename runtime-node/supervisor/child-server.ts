import { rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { KernelError } from "#kernel/kernel.ts";
import { ownIdentity } from "#kernel/take-fd.ts";
import { receiveLines } from "../launch/lines.ts";
import type { LaunchAnswer, RequestLine, ServerLine, SupervisorAnswer } from "../launch/protocol.ts";
import type { ChildTable } from "./child-table.ts";
import type { FdStore } from "./fd-store.ts";

const FLUSH_MS = 1_000;

/** The agent's socket, 0600. One agent at a time: a new connection ends the former. */
export class ChildServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #children: ChildTable;
  readonly #fds: FdStore;
  /** Launches and releases under way, whoever asked for them. */
  readonly #underWay = new Set<Promise<unknown>>();
  #agent: Socket | undefined;
  #isClosing = false;
  /** Settles when what a former agent had begun is ended: only then is the next one served. */
  #settled: Promise<void> = Promise.resolve();

  private constructor(server: Server, children: ChildTable, fds: FdStore) {
    this.#server = server;
    this.#children = children;
    this.#fds = fds;
    children.onExit((report) => this.#send({ type: "exited", report }));
    server.on("connection", (socket) => this.#accept(socket));
  }

  static listen(path: string, children: ChildTable, fds: FdStore): Promise<ChildServer> {
    // The home's lock is held: whoever made this socket is gone.
    rmSync(path, { force: true });
    const server = createServer();
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      const umask = process.umask(0o177);
      server.listen(path, () => resolve(new ChildServer(server, children, fds)));
      process.umask(umask);
    });
  }

  /** Asks the agent to stop the containers; false when there is no agent. */
  askToStopContainers(): boolean {
    if (this.#agent === undefined) return false;
    this.#send({ type: "stop-containers" });
    return true;
  }

  /** Takes no more requests, lets releases that are under way end and be answered, and ends what waits for its release. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosing = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await this.#settled;
    await this.#endParked();
    if (this.#agent !== undefined) await endSocket(this.#agent);
    await closed;
  }

  #accept(socket: Socket): void {
    if (this.#agent !== undefined) {
      this.#agent.destroy();
      this.#settled = this.#endParked();
    }
    this.#agent = socket;
    receiveLines(socket, (line) => void this.#serve(socket, JSON.parse(line) as RequestLine));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      if (this.#agent !== socket) return;
      this.#agent = undefined;
      this.#settled = this.#endParked();
    });
  }

  async #serve(socket: Socket, request: RequestLine): Promise<void> {
    const reply = (line: ServerLine): void => {
      if (!socket.destroyed) socket.write(`${JSON.stringify(line)}\n`);
    };
    await this.#settled;
    if (socket.destroyed || this.#isClosing) return;
    try {
      reply({ type: "answer", id: request.id, answer: await this.#perform(request) });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const errno = error instanceof KernelError ? { errno: error.errno } : {};
      reply({ type: "refused", id: request.id, message, ...errno });
    }
  }

  async #perform(request: RequestLine): Promise<SupervisorAnswer> {
    const done = { type: "done" } as const;
    switch (request.type) {
      case "launch":
        return this.#whileKnown(this.#children.launch(request.child, request.plan));
      case "release":
        return this.#whileKnown(this.#children.release(request.child));
      case "abort":
        await this.#children.abort(request.child);
        return done;
      case "forget":
        this.#children.forget(request.child);
        return done;
      case "list":
        return { type: "children", children: this.#children.reports() };
      case "keep-fd":
        this.#fds.keep(request.name, request.owner, request.fd);
        return done;
      case "drop-fd":
        this.#fds.drop(request.name);
        return done;
      case "list-fds":
        return { type: "fds", owner: ownIdentity(), fds: this.#fds.entries().map(([name, fd]) => ({ name, fd })) };
    }
  }

  async #whileKnown(launch: Promise<LaunchAnswer>): Promise<LaunchAnswer> {
    this.#underWay.add(launch);
    try {
      return await launch;
    } finally {
      this.#underWay.delete(launch);
    }
  }

  /**
   * Nobody will release these: also the ones that are only just being cloned. Those that wait already are ended first, since each holds a
   * thread that a clone may be waiting for.
   */
  async #endParked(): Promise<void> {
    for (;;) {
      const underWay = [...this.#underWay];
      await this.#children.abortParked();
      if (underWay.length === 0) return;
      await Promise.race(underWay.map((launch) => launch.catch(() => undefined)));
    }
  }

  #send(line: ServerLine): void {
    this.#agent?.write(`${JSON.stringify(line)}\n`);
  }
}

/** Lets what was written arrive, from a peer that takes nothing (SIGSTOP) not for long. */
function endSocket(socket: Socket): Promise<void> {
  if (socket.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => socket.destroy(), FLUSH_MS);
    socket.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
    socket.end(() => socket.destroy());
  });
}
