import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type HomeLayout, homeLayout } from "#contracts/home.ts";
import { locateNatsServer } from "../nats-server/locate.ts";
import { type PreparedNatsServer, prepareNatsServer } from "../nats-server/prepare.ts";
import { type NatsServerProcess, startNatsServer } from "../nats-server/start.ts";

/** For tests: a nats-server on a home of its own in a temporary folder, which disposal ends and removes. */
export class ScratchServer implements AsyncDisposable {
  readonly home: HomeLayout;
  readonly prepared: PreparedNatsServer;
  #process: NatsServerProcess;

  private constructor(home: HomeLayout, prepared: PreparedNatsServer, process: NatsServerProcess) {
    this.home = home;
    this.prepared = prepared;
    this.#process = process;
  }

  static async start(): Promise<ScratchServer> {
    const home = homeLayout(await mkdtemp(join(tmpdir(), "slipway-nats-")));
    try {
      const binary = await locateNatsServer();
      const prepared = await prepareNatsServer({ home, listenAddress: "127.0.0.1", port: await freePort(), binary });
      return new ScratchServer(home, prepared, await startNatsServer(prepared));
    } catch (error) {
      await rm(home.home, { recursive: true, force: true });
      throw error;
    }
  }

  get url(): string {
    return this.prepared.url;
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Connection options of one of the platform's processes, for `connectPlatform`. */
  as(process: keyof PreparedNatsServer["creds"]): { url: string; credsFile: string; name: string } {
    return { url: this.url, credsFile: this.prepared.creds[process], name: process };
  }

  /** kill -9. */
  crash(): Promise<void> {
    return this.#process.crash();
  }

  /** Starts it again after `crash` or `stop`, on the same home and port. */
  async startAgain(): Promise<void> {
    this.#process = await startNatsServer(this.prepared);
  }

  /** Starts it again with nothing in JetStream's store, as after a restored disk. */
  async loseStore(): Promise<void> {
    await this.stop();
    await rm(join(this.home.nats, "jetstream"), { recursive: true });
    await this.startAgain();
  }

  async stop(): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await rm(this.home.home, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
