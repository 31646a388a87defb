import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createInterface, type Interface } from "node:readline";
import { shellService } from "./apps.ts";

const PORT = 7;
/** An echo server (RFC 862) with a process a connection; perl starts faster than Node. */
const ECHO = `
  $server = IO::Socket::INET->new(Listen => 9, LocalPort => ${PORT}, ReuseAddr => 1) or die;
  $SIG{CHLD} = "IGNORE";
  while ($peer = $server->accept) { if (!fork) { $peer->autoflush(1); while (<$peer>) { print $peer $_ } exit } }
`;

/** A service that says back each line on its published port. */
export const echoLineService = (more: object = {}): object =>
  shellService(`exec perl -MIO::Socket::INET -e '${ECHO.replaceAll("\n", " ")}'`, {
    ports: [`127.0.0.1:0:${PORT}`],
    ...more,
  });

/** One TCP connection from the host to such a service, kept open: it lives as long as its container. */
export class EchoLine implements Disposable {
  readonly #socket: Socket;
  readonly #lines: Interface;
  #said = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    // What a test waits for rejects; nobody else hears of it.
    socket.on("error", () => {});
    this.#lines = createInterface({ input: socket });
    this.#lines.on("error", () => {});
  }

  static async open({ ports }: { ports: { hostPort: number }[] }): Promise<EchoLine> {
    for (;;) {
      const socket = connect(ports[0]!.hostPort, "127.0.0.1");
      const line = new EchoLine(socket);
      try {
        await once(socket, "connect");
        await line.roundTrip();
        return line;
      } catch {
        // The container runs, and its server does not listen yet.
        line[Symbol.dispose]();
      }
    }
  }

  /** Says something on the connection and waits until it comes back; throws when the connection is gone. */
  async roundTrip(): Promise<void> {
    const text = `line ${++this.#said}`;
    this.#socket.write(`${text}\n`);
    const [answer] = (await Promise.race([
      once(this.#lines, "line"),
      once(this.#socket, "close").then(() => ["closed"]),
    ])) as [string];
    if (answer !== text) throw new Error(`the open connection answered ${JSON.stringify(answer)} to ${text}`);
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}
