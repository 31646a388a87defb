import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect } from "node:net";
import packet, { type DecodedPacket, type Packet } from "dns-packet";
import type { SocketAddress } from "../dns-sockets.ts";
import { frame, readFrames } from "../tcp-frames.ts";

/** Sends bytes as one datagram and returns the first that comes back. */
export async function sendDatagram(server: SocketAddress, bytes: Uint8Array): Promise<Buffer> {
  const socket = createSocket("udp4");
  try {
    socket.send(bytes, server.port, server.address);
    const [answer] = (await once(socket, "message", { signal: AbortSignal.timeout(10_000) })) as [Buffer];
    return answer;
  } finally {
    socket.close();
  }
}

export async function askUdp(server: SocketAddress, query: Packet): Promise<DecodedPacket> {
  return packet.decode(await sendDatagram(server, packet.encode({ type: "query", id: 4711, ...query })));
}

/** Sends all questions at once over one connection and returns the answers in order. */
export async function askTcp(server: SocketAddress, ...queries: Packet[]): Promise<DecodedPacket[]> {
  const socket = connect(server.port, server.address);
  const answers: DecodedPacket[] = [];
  try {
    socket.write(Buffer.concat(queries.map((query) => frame(packet.encode({ type: "query", id: 4711, ...query })))));
    for await (const message of readFrames(socket)) {
      answers.push(packet.decode(message));
      if (answers.length === queries.length) break;
    }
    return answers;
  } finally {
    socket.destroy();
  }
}

/** Sends two datagrams from one port and returns the id of the first answer. */
export async function answerToSecond(server: SocketAddress, first: Uint8Array, second: Uint8Array): Promise<number> {
  const socket = createSocket("udp4");
  try {
    socket.send(first, server.port, server.address);
    socket.send(second, server.port, server.address);
    const [answer] = (await once(socket, "message", { signal: AbortSignal.timeout(10_000) })) as [Buffer];
    return answer.readUInt16BE(0);
  } finally {
    socket.close();
  }
}

/** Sends datagrams whose answers nobody waits for; resolves when the last is sent. */
export async function sendAll(server: SocketAddress, datagrams: readonly Uint8Array[]): Promise<void> {
  const socket = createSocket("udp4");
  try {
    for (const datagram of datagrams) {
      await new Promise<void>((resolve, reject) => {
        socket.send(datagram, server.port, server.address, (error) => (error === null ? resolve() : reject(error)));
      });
    }
  } finally {
    socket.close();
  }
}
