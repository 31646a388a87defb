import type { SecureContext } from "node:tls";
import { errorFields, type Log } from "../log.ts";
import { normalizeHost } from "../routes/authority.ts";
import type { RouteStore } from "../routes/route-store.ts";
import type { CertificatePair } from "./certificate-pair.ts";
import type { CertificateFiles } from "./certificate-files.ts";
import type { LeafCertificates } from "./leaf-certificates.ts";

/** Never resolves (RFC 6761, 6.4): the certificate for clients that name no host of ours tells nothing about the hosts there are. */
const FALLBACK_NAME = "no-such-host.invalid";

/** Chooses the certificate of a handshake by its server name: a file, else the local CA for hosts with a route, else the fallback. */
export class ServerNames {
  readonly #routes: RouteStore;
  readonly #files: CertificateFiles;
  readonly #leaves: LeafCertificates;
  readonly #log: Log;

  constructor(options: { routes: RouteStore; files: CertificateFiles; leaves: LeafCertificates; log: Log }) {
    this.#routes = options.routes;
    this.#files = options.files;
    this.#leaves = options.leaves;
    this.#log = options.log;
  }

  /** The name of the certificate that a host is served with; undefined for the fallback. */
  certificateName(host: string): string | undefined {
    return this.#files.nameFor(host) ?? this.#routes.table.hostPattern(host);
  }

  async contextFor(serverName: string): Promise<SecureContext> {
    const host = normalizeHost(serverName);
    const pattern = this.#routes.table.hostPattern(host);
    return this.#files.contextFor(host) ?? (await this.#leaves.pairFor(pattern ?? FALLBACK_NAME)).context;
  }

  /** Node's SNICallback. */
  readonly select = async (
    serverName: string,
    done: (error: Error | null, context?: SecureContext) => void,
  ): Promise<void> => {
    try {
      done(null, await this.contextFor(serverName));
    } catch (error) {
      this.#log("error", `has no certificate for ${JSON.stringify(serverName)}`, errorFields(error));
      done(error as Error);
    }
  };

  /** For clients that send no server name. */
  fallback(): Promise<CertificatePair> {
    return this.#leaves.pairFor(FALLBACK_NAME);
  }
}
