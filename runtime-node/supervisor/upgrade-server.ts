import { rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import type { Program, UpgradeLine, UpgradeRequest } from "#contracts/server-upgrade.ts";
import { receiveLines } from "../launch/lines.ts";
import { serverError } from "./errors.ts";

/** The socket of `slipway server --upgrade`, 0600: who may connect is root. One upgrade at a time, followed by any number. */
export class UpgradeServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #followers = new Set<Socket>();
  readonly #onRequest: (program: Program) => void;
  /** What was said of the upgrade under way, or else of the last. */
  readonly said: UpgradeLine[];

  private constructor(server: Server, said: UpgradeLine[], onRequest: (program: Program) => void) {
    this.#server = server;
    this.said = said;
    this.#onRequest = onRequest;
    server.on("connection", (socket) => this.#accept(socket));
  }

  /** `said`: of an upgrade that began in the program that this one was. */
  static listen(path: string, said: UpgradeLine[], onRequest: (program: Program) => void): Promise<UpgradeServer> {
    rmSync(path, { force: true });
    const server = createServer();
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      const umask = process.umask(0o177);
      server.listen(path, () => resolve(new UpgradeServer(server, said, onRequest)));
      process.umask(umask);
    });
  }

  get isUnderWay(): boolean {
    const last = this.said.at(-1);
    return last !== undefined && last.type !== "done" && last.type !== "failed";
  }

  say(line: UpgradeLine): void {
    this.said.push(line);
    const isLast = !this.isUnderWay;
    for (const socket of this.#followers) {
      send(socket, line);
      if (isLast) socket.end();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#followers) socket.end(() => socket.destroy());
    await closed;
  }

  #accept(socket: Socket): void {
    receiveLines(socket, (line) => this.#serve(socket, JSON.parse(line) as UpgradeRequest));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#followers.delete(socket));
  }

  #serve(socket: Socket, request: UpgradeRequest): void {
    if (request.type === "upgrade") return this.#begin(socket, request.program);
    for (const line of this.said) send(socket, line);
    if (this.isUnderWay) this.#followers.add(socket);
    else socket.end();
  }

  #begin(socket: Socket, program: Program): void {
    if (this.isUnderWay) {
      const { code, message, remedy } = serverError("SLIPWAY_SERVER_UPGRADE_UNDER_WAY", "an upgrade is under way already");
      send(socket, { type: "failed", code, message, remedy });
      socket.end();
      return;
    }
    this.said.length = 0;
    this.#followers.add(socket);
    this.#onRequest(program);
  }
}

function send(socket: Socket, line: UpgradeLine): void {
  if (!socket.destroyed) socket.write(`${JSON.stringify(line)}\n`);
}
