import { type ErrnoName, errnoName } from "../errno.ts";
import { Attributes, type NetlinkMessage } from "./message-parser.ts";

const NLMSG_ERROR = 2;
/** linux/netlink.h: the request was left out of the error / extended attributes follow. */
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;
const NLMSGERR_ATTR_MSG = 1;
const NLMSG_HEADER_BYTES = 16;
const ERRNO_BYTES = 4;

/** The kernel refused a netlink request. Match on `errno`, never on the text. */
export class NetlinkError extends Error {
  override readonly name = "NetlinkError";
  readonly code = "SLIPWAY_KERNEL_NETLINK_REFUSED";
  readonly errno: ErrnoName | `E${number}`;
  /** The kernel's own sentence (extended ACK), where it gave one. */
  readonly reason: string | undefined;

  constructor(purpose: string, errnoNumber: number, reason?: string) {
    const errno = errnoName(errnoNumber);
    super(`${purpose}: ${errno}${reason === undefined ? "" : ` (${reason})`}`);
    this.errno = errno;
    this.reason = reason;
  }
}

/** True for a {@link NetlinkError} with one of these errnos. */
export function isNetlinkErrno(error: unknown, ...names: ErrnoName[]): error is NetlinkError {
  return error instanceof NetlinkError && (names as string[]).includes(error.errno);
}

/** What an NLMSG_ERROR message says; errno 0 is an acknowledgement. Undefined for any other message. */
export function parseAcknowledgement(message: NetlinkMessage): { errno: number; reason: string | undefined } | undefined {
  if (message.type !== NLMSG_ERROR) return undefined;
  const { payload, flags } = message;
  const errno = -payload.readInt32LE(0);
  if ((flags & NLM_F_ACK_TLVS) === 0) return { errno, reason: undefined };
  const requestBytes = (flags & NLM_F_CAPPED) === 0 ? payload.readUInt32LE(ERRNO_BYTES) : NLMSG_HEADER_BYTES;
  const extended = new Attributes(payload.subarray(ERRNO_BYTES + ((requestBytes + 3) & ~3)));
  return { errno, reason: extended.string(NLMSGERR_ATTR_MSG) };
}
