import { once } from "node:events";
import type { TLSSocket } from "node:tls";
import { type GatewayAddress, openTls } from "./clients.ts";

const TYPE = { data: 0, headers: 1, rstStream: 3, settings: 4 } as const;
const END_HEADERS = 4;

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** HPACK (RFC 7541, 6.2.2): literals without indexing, names and values as they are. */
function headerBlock(fields: Record<string, string>): Buffer {
  const text = (value: string): Buffer => Buffer.concat([Buffer.from([value.length]), Buffer.from(value, "latin1")]);
  return Buffer.concat(Object.entries(fields).flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

/** An HTTP/2 connection by hand (RFC 9113), for frames that no client library would send. Fields are shorter than 127 bytes. */
export class Http2Frames {
  readonly socket: TLSSocket;

  private constructor(socket: TLSSocket) {
    this.socket = socket;
  }

  static async open(gateway: GatewayAddress, host: string): Promise<Http2Frames> {
    const socket = await openTls(gateway, host, "h2");
    socket.write(
      Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(TYPE.settings, 0, 0, Buffer.alloc(0))]),
    );
    await once(socket, "data");
    socket.resume();
    return new Http2Frames(socket);
  }

  /** Opens a stream, and leaves it open. */
  headers(stream: number, fields: Record<string, string>): void {
    this.socket.write(frame(TYPE.headers, END_HEADERS, stream, headerBlock(fields)));
  }

  data(stream: number, text: string): void {
    this.socket.write(frame(TYPE.data, 0, stream, Buffer.from(text)));
  }

  reset(stream: number, code: number): void {
    const payload = Buffer.alloc(4);
    payload.writeUInt32BE(code);
    this.socket.write(frame(TYPE.rstStream, 0, stream, payload));
  }
}
