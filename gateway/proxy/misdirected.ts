import type { TLSSocket } from "node:tls";
import { gatewayError } from "../errors.ts";
import { normalizeHost } from "../routes/authority.ts";
import type { ClientRequest } from "./client-exchange.ts";

/** The name of the certificate that a host is served with. */
export type CertificateName = (host: string) => string | undefined;

/**
 * Refuses a request for a host that its connection's certificate does not cover (RFC 9110, 7.4 and 15.5.20). A client without a server
 * name has chosen not to say whom it wants, and may ask for any.
 */
export function refuseMisdirected(request: ClientRequest, host: string, certificateName: CertificateName): void {
  const serverName = (request.socket as TLSSocket).servername;
  if (typeof serverName !== "string" || serverName === "") return;
  const name = normalizeHost(serverName);
  if (name === host || certificateName(name) === certificateName(host)) return;
  throw gatewayError(
    "SLIPWAY_GATEWAY_MISDIRECTED",
    `the request asks for ${host} on a TLS connection that was opened for ${name}`,
  );
}
