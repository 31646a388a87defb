import koffi from "koffi";
import { Arena } from "../arena.ts";
import type { Architecture } from "../syscall-numbers.ts";

/** The assembled stubs: `as stub-x64.S && objcopy -O binary -j .text`, base64. `stub.test.ts` assembles and compares. */
export const STUB_CODE: Record<Architecture, string> = {
  x64:
    "U0FUSIn7uA4AAAC/AgAAAEiNczBIjVMoQboIAAAADwW4swEAAEiLO0iLcwgPBUiFwHQkSIlDELgOAAAAvwIAAABIjXMoMdJBuggAAAAPBUiLQxBBXFvD" +
    "TItjIEmLBCRJi3wkCEmLdCQQSYtUJBhNi1QkIE2LRCQoTYtMJDAPBUmJxU2JbCQ4uOQAAAC/AQAAAEmNdCRgDwVNO2wkSHw1SYt0JEBIhfZ0EUiLBkiF" +
    "wHQJTIkoSIPGCOvvTYXtfg9Ji0QkWEiFwHQFSYnE641Jg+yA64dJi3QkUEiF9nQTSIsGSIXAdAtMOeh040iDxgjr7UyJYxi45wAAAL99AAAADwUPCw==",
  arm64:
    "81O+qfULAPnzAwCq6BCA0kAAgNJhwgCRYqIAkQMBgNIBAADUaDaA0mAGQKkBAADUgAEAtGAKAPnoEIDSQACA0mGiAJECAIDSAwGA0gEAANRgCkD59QtA" +
    "+fNTwqjAA1/WdBJA+YgCQPmAhkCpgo5BqYSWQqkBAADU9QMAqpUeAPkoDoDSIACA0oGCAZEBAADUiSZA+b8CCevrAQBUiSJA+akAALQqhUD4agAAtFUB" +
    "APn9//8XvwIA8a0AAFSJLkD5aQAAtPQDCarn//8XlAICkeX//xeJKkD5yQAAtCqFQPiKAAC0XwEV6yD//1T8//8XdA4A+cgLgNKgD4DSAQAA1AAAINQ=",
};

/** Offsets in the header that the stub takes; see stub-x64.S. */
export const HEADER = {
  cloneArguments: 0,
  cloneArgumentsSize: 8,
  cloneResult: 16,
  failedRecord: 24,
  firstRecord: 32,
  savedMask: 40,
  fullMask: 48,
  size: 56,
} as const;

/** Offsets in a record; see stub-x64.S. */
export const RECORD = {
  number: 0,
  arguments: 8,
  result: 56,
  stores: 64,
  atLeast: 72,
  tolerated: 80,
  branch: 88,
  afterSeconds: 96,
  afterNanoseconds: 104,
  size: 128,
} as const;

const StubFunction = koffi.proto("int64_t SlipwayStub(int64_t header)");

type StubCall = { async: (header: number, done: (error: Error | null, result: number) => void) => void };

/** The stub in executable memory of this process; it stays for the process's life. */
export class Stub {
  readonly #code: Arena;
  readonly #call: StubCall;

  constructor(architecture: Architecture) {
    const code = Buffer.from(STUB_CODE[architecture], "base64");
    this.#code = new Arena(Math.ceil(code.byteLength / 4096) * 4096, "code");
    const address = this.#code.store(code, 16);
    this.#call = koffi.decode(BigInt(address), StubFunction) as StubCall;
  }

  /**
   * Clones on one of koffi's threads. Resolves when the child has exec'd or ended (CLONE_VFORK), with its pid or the
   * negated errno of clone3(2).
   */
  run(headerAddress: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#call.async(headerAddress, (error, result) => (error === null ? resolve(result) : reject(error)));
    });
  }
}
