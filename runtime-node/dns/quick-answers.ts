import { randomInt } from "node:crypto";
import packet, { type Answer } from "dns-packet";
import { ipv4Bytes } from "#kernel/netlink/ipv4.ts";
import type { LocalAnswer } from "./local-answer.ts";
import type { NameSource } from "./name-source.ts";
import { PlainQuestion, isSameName } from "./plain-question.ts";
import type { DnsQuery } from "./query.ts";
import { FLAGS, HEADER_BYTES, RCODE, RECORD_TYPES } from "./wire.ts";

const TYPE_AND_CLASS_BYTES = 4;
/** What containers ask all the time. Few types and known names only: nobody can fill the memory with answers. */
const REMEMBERED_TYPES: readonly number[] = [RECORD_TYPES.A, RECORD_TYPES.AAAA, RECORD_TYPES.PTR];
/** Addresses can be invented; at so many all is forgotten. */
const ASKERS = 4096;

/** An answer as it is for everybody on the same networks, without what it repeats of the question. */
interface RememberedAnswer {
  /** In lower case, as on the wire. */
  name: Uint8Array;
  type: number;
  recordCount: number;
  /** Of each record what comes behind its name. All have the same length. */
  records: Uint8Array;
  /** Others of the same hash. */
  next: RememberedAnswer | undefined;
}

/** By the hash of the question. */
type Answers = Map<number, RememberedAnswer>;

/**
 * Answers the ordinary questions for a network's own names once more, from what was answered before, without decoding anything: byte by byte as
 * the long way would (`local-answer.ts`), which has to be gone when this one does not know. Forgets everything when a name changes.
 */
export class QuickAnswers {
  readonly #names: NameSource;
  readonly #question = new PlainQuestion();
  readonly #byNetworks = new Map<string, Answers>();
  /** By the four bytes of the address as they are in memory. */
  readonly #byAsker = new Map<number, Answers>();
  #version: number | undefined;

  constructor(names: NameSource) {
    this.#names = names;
  }

  /**
   * Writes the answer over a query; there has to be room for 1,232 bytes. Returns the answer's length; 0 when it is not known here, and the
   * query is as it was.
   */
  answerInPlace(bytes: Uint8Array, start: number, length: number, asker: number): number {
    if (this.#version !== this.#names.version) return 0;
    const answers = this.#byAsker.get(asker);
    if (answers === undefined || !this.#question.read(bytes, start, length)) return 0;
    const answer = this.#find(answers, bytes, start + HEADER_BYTES);
    if (answer === undefined) return 0;
    const { nameEnd, edns, udpBytes } = this.#question;
    const nameBytes = answer.name.length;
    const ednsBytes = edns ? EDNS_RECORD.length : 0;
    const recordsStart = nameEnd + TYPE_AND_CLASS_BYTES;
    const recordsBytes = answer.recordCount * nameBytes + answer.records.length;
    const answerBytes = recordsStart - start + recordsBytes + ednsBytes;
    if (answerBytes > udpBytes) return 0;
    writeHeader(bytes, start, answer.recordCount, edns);
    writeRecords(bytes, recordsStart, start + HEADER_BYTES, answer);
    if (edns) writeEdns(bytes, recordsStart + recordsBytes, udpBytes);
    return answerBytes;
  }

  /** Keeps what the long way found for an asker on these networks, if it is of the ordinary kind. */
  remember(query: DnsQuery, asker: string, networks: readonly string[], local: LocalAnswer): void {
    const question = this.#question;
    if (!question.read(query.packet, 0, query.packet.byteLength)) return;
    if (!REMEMBERED_TYPES.includes(question.type)) return;
    const records = sameLength(local);
    if (records === undefined) return;
    this.#forgetChanged();
    const answers = this.#answersFor(asker, networks);
    if (this.#find(answers, query.packet, HEADER_BYTES) !== undefined) return;
    const { hash, type, nameEnd } = question;
    const name = Buffer.from(query.packet.toString("latin1", HEADER_BYTES, nameEnd).toLowerCase(), "latin1");
    const recordCount = local.answers.length;
    answers.set(hash, { name, type, recordCount, records, next: answers.get(hash) });
  }

  #answersFor(asker: string, networks: readonly string[]): Answers {
    const key = networks.join(" ");
    const answers = this.#byNetworks.get(key) ?? new Map<number, RememberedAnswer>();
    this.#byNetworks.set(key, answers);
    this.#byAsker.set(Buffer.from(ipv4Bytes(asker)).readInt32LE(), answers);
    return answers;
  }

  #forgetChanged(): void {
    if (this.#version === this.#names.version && this.#byAsker.size < ASKERS) return;
    this.#byNetworks.clear();
    this.#byAsker.clear();
    this.#version = this.#names.version;
  }

  #find(answers: Answers, bytes: Uint8Array, nameStart: number): RememberedAnswer | undefined {
    const { hash, type, nameEnd } = this.#question;
    let answer = answers.get(hash);
    while (answer !== undefined) {
      const isIt = answer.type === type && answer.name.length === nameEnd - nameStart;
      if (isIt && isSameName(bytes, nameStart, answer.name)) return answer;
      answer = answer.next;
    }
    return undefined;
  }
}

/** The records without their names, one after the other; undefined when this is not a plain answer. */
function sameLength({ rcode, answers, additionals }: LocalAnswer): Uint8Array | undefined {
  if (rcode !== RCODE.NOERROR || additionals.length > 0) return undefined;
  const records = answers.map((answer) => recordWithoutName(answer));
  return records.every((record) => record.byteLength === records[0]?.byteLength) ? Buffer.concat(records) : undefined;
}

/** As the codec writes it behind an empty header and the root's name. */
const recordWithoutName = (answer: Answer): Uint8Array =>
  packet.encode({ answers: [{ ...answer, name: "." }] }).subarray(HEADER_BYTES + 1);

/** Id, recursion desired and the question count are the query's. */
function writeHeader(bytes: Uint8Array, start: number, recordCount: number, edns: boolean): void {
  const recursionDesired = bytes[start + 2]! & (FLAGS.recursionDesired >> 8);
  bytes[start + 2] = ((FLAGS.response | FLAGS.authoritative) >> 8) | recursionDesired;
  bytes[start + 3] = FLAGS.recursionAvailable | RCODE.NOERROR;
  bytes[start + 6] = recordCount >> 8;
  bytes[start + 7] = recordCount;
  bytes[start + 11] = edns ? 1 : 0;
}

/** From a random record on, as {@link LocalAnswer}s have them, and each with the name as it was asked for. */
function writeRecords(bytes: Uint8Array, start: number, nameStart: number, answer: RememberedAnswer): void {
  const { recordCount, records } = answer;
  const nameBytes = answer.name.length;
  const recordBytes = records.length / recordCount;
  const first = recordCount < 2 ? 0 : randomInt(recordCount);
  let at = start;
  for (let count = 0; count < recordCount; count++) {
    const from = ((first + count) % recordCount) * recordBytes;
    for (let index = 0; index < nameBytes; index++) bytes[at++] = bytes[nameStart + index]!;
    for (let index = 0; index < recordBytes; index++) bytes[at++] = records[from + index]!;
  }
}

/** The root's name, OPT, and zeros but for the size. */
const EDNS_RECORD = Uint8Array.of(0, 0, RECORD_TYPES.OPT, 0, 0, 0, 0, 0, 0, 0, 0);

function writeEdns(bytes: Uint8Array, start: number, udpBytes: number): void {
  bytes.set(EDNS_RECORD, start);
  bytes[start + 3] = udpBytes >> 8;
  bytes[start + 4] = udpBytes & 0xff;
}
