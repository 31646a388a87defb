import { EventEmitter, once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** For tests: the network between a client and the server, to lose answers on and to cut. */
export class FaultyProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #target: URL;
  readonly #connections = new Set<Socket>();
  readonly #talk = new EventEmitter();
  #losing = false;

  private constructor(server: Server, target: URL) {
    this.#server = server;
    this.#target = target;
    server.on("connection", (client) => this.#forward(client));
  }

  static async start(target: string): Promise<FaultyProxy> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return new FaultyProxy(server, new URL(target));
  }

  get url(): string {
    const { port } = this.#server.address() as { port: number };
    return `nats://127.0.0.1:${port}`;
  }

  /** From now on what the server says is lost, while what the client says arrives. */
  loseAnswers(): void {
    this.#losing = true;
  }

  /** Resolves when the clients have said a text so many times, from now on. */
  async said(text: string, times: number): Promise<void> {
    let heard = 0;
    while (heard < times) {
      const [data] = (await once(this.#talk, "client")) as [Buffer];
      heard += data.toString("latin1").split(text).length - 1;
    }
  }

  /** Cuts every connection; new ones work. */
  cut(): void {
    this.#losing = false;
    for (const socket of this.#connections) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }

  #forward(client: Socket): void {
    const server = connect(Number(this.#target.port), this.#target.hostname);
    server.on("data", (data) => {
      if (!this.#losing) client.write(data);
    });
    client.on("data", (data) => {
      server.write(data);
      this.#talk.emit("client", data);
    });
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#connections.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        other.destroy();
        this.#connections.delete(socket);
      });
    }
  }
}
