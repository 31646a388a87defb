import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomically } from "../durable-file.ts";
import { errorFields, type Log } from "../log.ts";
import type { CertificateAuthority } from "./certificate-authority.ts";
import { type CertificatePair, loadCertificatePair } from "./certificate-pair.ts";
import { fileNameOf } from "./certificate-files.ts";

const LIFETIME_MS = 90 * 86_400_000;
const RENEW_BEFORE_MS = 30 * 86_400_000;

/** Certificates issued by the local CA, one a host pattern: made when first asked for, kept on disk, renewed before they expire. */
export class LeafCertificates {
  readonly #authority: CertificateAuthority;
  readonly #folder: string;
  readonly #log: Log;
  readonly #now: () => number;
  readonly #pairs = new Map<string, CertificatePair>();
  readonly #pending = new Map<string, Promise<CertificatePair>>();
  /** Issues one at a time: a burst of first visits must not take the event loop and the disk from running requests. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: { authority: CertificateAuthority; folder: string; log: Log; now?: () => number }) {
    this.#authority = options.authority;
    this.#folder = options.folder;
    this.#log = options.log;
    this.#now = options.now ?? Date.now;
  }

  /** The certificate of a name that the caller has checked to be one of ours: every new name costs a key and a file. */
  async pairFor(name: string): Promise<CertificatePair> {
    const pair = this.#pairs.get(name);
    if (pair === undefined || this.#remainingMs(pair) <= 0) return this.#open(name);
    if (this.#remainingMs(pair) < RENEW_BEFORE_MS) this.#renewBehind(name);
    return pair;
  }

  #renewBehind(name: string): void {
    this.#open(name).catch((error: unknown) =>
      this.#log("warn", `could not renew the certificate of ${name}`, errorFields(error)),
    );
  }

  #open(name: string): Promise<CertificatePair> {
    const pending = this.#pending.get(name);
    if (pending !== undefined) return pending;
    const opening = this.#queue.then(() => this.#readOrIssue(name)).finally(() => this.#pending.delete(name));
    this.#pending.set(name, opening);
    this.#queue = opening.catch(() => undefined);
    return opening;
  }

  async #readOrIssue(name: string): Promise<CertificatePair> {
    const path = join(this.#folder, `${fileNameOf(name)}.pem`);
    const pair = (await this.#readKept(path)) ?? (await this.#issue(name, path));
    this.#pairs.set(name, pair);
    return pair;
  }

  /** What is on disk, unless it is due, damaged, or of an earlier CA. */
  async #readKept(path: string): Promise<CertificatePair | undefined> {
    try {
      const pem = await readFile(path, "utf8");
      const pair = loadCertificatePair(pem, pem, path);
      return this.#remainingMs(pair) > RENEW_BEFORE_MS && this.#authority.hasSigned(pair.leaf) ? pair : undefined;
    } catch {
      return undefined;
    }
  }

  async #issue(name: string, path: string): Promise<CertificatePair> {
    const { certificatePem, privateKeyPem } = await this.#authority.issue(name, new Date(this.#now() + LIFETIME_MS));
    const pem = certificatePem + privateKeyPem;
    const pair = loadCertificatePair(pem, pem, path);
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await writeFileAtomically(path, pem, 0o600);
    this.#log("info", `issued a certificate for ${name}`, { expires: pair.leaf.validTo });
    return pair;
  }

  #remainingMs(pair: CertificatePair): number {
    return pair.leaf.validToDate.getTime() - this.#now();
  }
}
