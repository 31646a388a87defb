import { mkdir, readdir, readFile, watch } from "node:fs/promises";
import { join } from "node:path";
import type { SecureContext } from "node:tls";
import { errorFields, type Log } from "../log.ts";
import { wildcardOf } from "../routes/authority.ts";
import { type CertificatePair, loadCertificatePair } from "./certificate-pair.ts";

/** A host as a file's name: `_wildcard.example.org` for `*.example.org`. */
export function fileNameOf(host: string): string {
  return host.replace(/^\*\./, "_wildcard.");
}

/**
 * Certificates that an operator put in a folder as `<host>.crt` (a PEM chain) and `<host>.key`. Read anew whenever the folder
 * changes; a pair that cannot be used (half written, a key that does not fit) leaves the earlier one in place.
 */
export class CertificateFiles implements AsyncDisposable {
  readonly #folder: string;
  readonly #log: Log;
  readonly #stop = new AbortController();
  #pairs = new Map<string, CertificatePair>();
  #watching: Promise<void> = Promise.resolve();

  private constructor(folder: string, log: Log) {
    this.#folder = folder;
    this.#log = log;
  }

  static async open(folder: string, log: Log): Promise<CertificateFiles> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const files = new CertificateFiles(folder, log);
    // The watch stands before the first reading, so that no change falls between them.
    const changes = watch(folder, { signal: files.#stop.signal, persistent: false });
    await files.#read();
    files.#watching = files.#follow(changes);
    return files;
  }

  /** The name of the pair that covers a host: its own, or the wildcard's. */
  nameFor(host: string): string | undefined {
    const own = fileNameOf(host);
    if (this.#pairs.has(own)) return own;
    const wildcard = fileNameOf(wildcardOf(host) ?? "");
    return this.#pairs.has(wildcard) ? wildcard : undefined;
  }

  contextFor(host: string): SecureContext | undefined {
    return this.#pairs.get(this.nameFor(host) ?? "")?.context;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#watching;
  }

  async #follow(changes: AsyncIterable<unknown>): Promise<void> {
    try {
      for await (const _change of changes) await this.#read();
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#log("error", `no longer follows the certificates in ${this.#folder}; restart the gateway`, errorFields(error));
    }
  }

  async #read(): Promise<void> {
    const names = await readdir(this.#folder);
    const pairs = new Map<string, CertificatePair>();
    for (const name of names.filter((one) => one.endsWith(".crt")).map((one) => one.slice(0, -".crt".length))) {
      const pair = (await this.#readPair(name)) ?? this.#pairs.get(name.toLowerCase());
      if (pair !== undefined) pairs.set(name.toLowerCase(), pair);
    }
    this.#pairs = pairs;
  }

  async #readPair(name: string): Promise<CertificatePair | undefined> {
    const path = join(this.#folder, name);
    try {
      const [chain, key] = await Promise.all([readFile(`${path}.crt`, "utf8"), readFile(`${path}.key`, "utf8")]);
      return loadCertificatePair(chain, key, `${path}.crt`);
    } catch (error) {
      this.#log("warn", `passed over ${path}.crt`, errorFields(error));
      return undefined;
    }
  }
}
