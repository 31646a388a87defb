import packet, { type Question } from "dns-packet";
import {
  CLASSIC_UDP_BYTES,
  HEADER_BYTES,
  LARGEST_UDP_BYTES,
  RCODE,
  type Rcode,
  isResponse,
  readOpcode,
  readQuestionCount,
} from "./wire.ts";

/** A question that we may answer, and what its asker can take. */
export interface DnsQuery {
  packet: Buffer;
  question: Question;
  /** The question's name, lower-case, without a trailing dot. */
  name: string;
  /** EDNS (RFC 6891): the asker sent an OPT record and expects one. */
  edns: boolean;
  /** The longest UDP answer that the asker takes. */
  udpBytes: number;
}

/** What arrived: a query, one to refuse, or nothing to answer at all (an answer to a spoofed query among them). */
export type ParsedPacket = { kind: "query"; query: DnsQuery } | { kind: "refuse"; rcode: Rcode } | { kind: "ignore" };

const OPCODE_QUERY = 0;

export function parsePacket(bytes: Buffer): ParsedPacket {
  if (bytes.byteLength < HEADER_BYTES || isResponse(bytes)) return { kind: "ignore" };
  if (readOpcode(bytes) !== OPCODE_QUERY) return { kind: "refuse", rcode: RCODE.NOTIMP };
  if (readQuestionCount(bytes) !== 1) return { kind: "refuse", rcode: RCODE.FORMERR };
  const decoded = decode(bytes);
  const question = decoded?.questions?.[0];
  if (decoded === undefined || question === undefined) return { kind: "refuse", rcode: RCODE.FORMERR };
  if (question.class !== "IN") return { kind: "refuse", rcode: RCODE.REFUSED };
  const opt = decoded.additionals?.find((record) => record.type === "OPT");
  const udpBytes = Math.min(Math.max(opt?.udpPayloadSize ?? 0, CLASSIC_UDP_BYTES), LARGEST_UDP_BYTES);
  const name = question.name.toLowerCase().replace(/\.$/, "");
  return { kind: "query", query: { packet: bytes, question, name, edns: opt !== undefined, udpBytes } };
}

function decode(bytes: Buffer): packet.DecodedPacket | undefined {
  try {
    return packet.decode(bytes);
  } catch {
    return undefined;
  }
}
