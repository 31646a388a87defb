import { type Socket as UdpSocket, createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, type Server, createServer } from "node:net";
import packet, { type Answer } from "dns-packet";
import type { Upstream } from "../resolv-conf.ts";
import { frame, readFrames } from "../tcp-frames.ts";

export interface AskedQuestion {
  name: string;
  transport: "udp" | "tcp";
  id: number;
  sourcePort: number;
  /** As it arrived. */
  packet: Buffer;
}

/** What the upstream does with a question: answers sent one after the other, or silence. */
export type Behaviour = (asked: AskedQuestion) => Buffer[];

/** A resolver on loopback that does what a test needs: no real one can be made to lie or fall silent on demand. */
export class ScriptedUpstream implements AsyncDisposable {
  readonly asked: AskedQuestion[] = [];
  readonly upstream: Upstream;
  readonly #udp: UdpSocket;
  readonly #tcp: Server;

  private constructor(udp: UdpSocket, tcp: Server, behaviour: Behaviour) {
    this.#udp = udp;
    this.#tcp = tcp;
    this.upstream = { address: "127.0.0.1", port: (tcp.address() as AddressInfo).port };
    udp.on("message", (message, { port, address }) => {
      for (const answer of behaviour(this.#note(message, "udp", port))) udp.send(answer, port, address);
    });
    tcp.on("connection", async (socket) => {
      socket.on("error", () => undefined);
      for await (const message of readFrames(socket)) {
        for (const answer of behaviour(this.#note(message, "tcp", socket.remotePort ?? 0))) socket.write(frame(answer));
      }
    });
  }

  static async start(behaviour: Behaviour): Promise<ScriptedUpstream> {
    const tcp = createServer().listen(0, "127.0.0.1");
    await once(tcp, "listening");
    const udp = createSocket("udp4");
    udp.bind((tcp.address() as AddressInfo).port, "127.0.0.1");
    await once(udp, "listening");
    return new ScriptedUpstream(udp, tcp, behaviour);
  }

  #note(message: Buffer, transport: "udp" | "tcp", sourcePort: number): AskedQuestion {
    const decoded = packet.decode(message);
    const asked = { name: decoded.questions?.[0]?.name ?? "", transport, id: decoded.id ?? 0, sourcePort, packet: message };
    this.asked.push(asked);
    return asked;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#udp.close();
    this.#tcp.close();
    await once(this.#tcp, "close");
  }
}

/** An ordinary answer to a question. */
export function answerWith(asked: AskedQuestion, answers: Answer[], flags = 0): Buffer {
  const { id = 0, questions = [] } = packet.decode(asked.packet);
  return packet.encode({ type: "response", id, flags, questions, answers });
}

export const addressOf = (asked: AskedQuestion, address: string): Buffer =>
  answerWith(asked, [{ type: "A", name: asked.name, ttl: 60, data: address }]);
