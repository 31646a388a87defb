import { describe, expect, it } from "vitest";
import { MessageBuilder } from "./message-builder.ts";
import { attributeList, Attributes, parseMessages } from "./message-parser.ts";

const message = (): MessageBuilder => new MessageBuilder("ask", 16, 5, Buffer.alloc(0));

function parseOne(datagram: Buffer) {
  const [parsed] = parseMessages(datagram);
  if (parsed === undefined) throw new Error("no message");
  return parsed;
}

function outcome(datagram: Buffer): string {
  try {
    for (const parsed of parseMessages(datagram)) attributeList(parsed.payload);
    return "parsed";
  } catch (error) {
    return (error as Error).constructor.name;
  }
}

describe("a netlink message", () => {
  it("comes back from the wire as it was built", () => {
    const built = message()
      .u8(1, 200)
      .u16(2, 0x1234)
      .u32(3, 0xfedc_ba98)
      .be32(4, 7)
      .string(5, "eth0")
      .nested(6, (inner) => inner.string(1, "bridge"));
    const parsed = parseOne(built.encode(42));
    expect(parsed).toMatchObject({ type: 16, flags: 5, sequence: 42 });
    const attributes = new Attributes(parsed.payload);
    expect(attributes.u8(1)).toBe(200);
    expect(attributes.u16(2)).toBe(0x1234);
    expect(attributes.u32(3)).toBe(0xfedc_ba98);
    expect(attributes.be32(4)).toBe(7);
    expect(attributes.string(5)).toBe("eth0");
    expect(attributes.nested(6).string(1)).toBe("bridge");
    expect(attributes.u32(99)).toBeUndefined();
  });

  it("grows past its first buffer", () => {
    const built = message();
    for (let index = 0; index < 300; index++) built.u32(1, index);
    expect(attributeList(parseOne(built.encode(1)).payload)).toHaveLength(300);
  });

  it("refuses a nested attribute longer than its length field can say", () => {
    const fill = (inner: MessageBuilder): void => {
      for (let index = 0; index < 8192; index++) inner.u32(1, index);
    };
    expect(() => message().nested(1, fill)).toThrow(/exceeds 65535/);
  });

  it("refuses a string with a NUL byte", () => {
    expect(() => message().string(3, "et\0h0")).toThrow(RangeError);
  });
});

describe("a hostile datagram", () => {
  it("with a message longer than itself is refused", () => {
    const datagram = message().u32(1, 1).encode(1);
    datagram.writeUInt32LE(400, 0);
    expect(() => parseMessages(datagram)).toThrow(RangeError);
  });

  it("with an attribute longer than its message, or shorter than its header, is refused", () => {
    for (const length of [200, 3, 0]) {
      const datagram = message().u32(1, 1).encode(1);
      datagram.writeUInt16LE(length, 16);
      expect(() => new Attributes(parseOne(datagram).payload)).toThrow(RangeError);
    }
  });

  it("with a number attribute of too few bytes is refused", () => {
    const attributes = new Attributes(parseOne(message().u8(1, 1).encode(1)).payload);
    expect(() => attributes.u32(1)).toThrow(RangeError);
  });

  it("of random bytes ends in an answer or a RangeError, never in a hang", () => {
    let seed = 12345;
    const random = (): number => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) >> 8;
    for (let round = 0; round < 2000; round++) {
      const datagram = Buffer.from(Array.from({ length: random() % 96 }, () => random() & 0xff));
      if (datagram.byteLength >= 20) datagram.writeUInt32LE(datagram.byteLength, 0);
      expect(outcome(datagram)).toMatch(/^(parsed|RangeError)$/);
    }
  });
});
