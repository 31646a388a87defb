import { createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContext } from "node:tls";
import { gatewayError } from "../errors.ts";

/** A certificate chain with its key, checked and ready for handshakes. */
export interface CertificatePair {
  context: SecureContext;
  leaf: X509Certificate;
  chainPem: string;
  keyPem: string;
}

/** Checks that the key fits the chain's first certificate; throws SLIPWAY_GATEWAY_CERTIFICATE_UNUSABLE naming `where`. */
export function loadCertificatePair(chainPem: string, keyPem: string, where: string): CertificatePair {
  let leaf: X509Certificate;
  try {
    leaf = new X509Certificate(chainPem);
    if (leaf.checkPrivateKey(createPrivateKey(keyPem))) {
      return { context: createSecureContext({ cert: chainPem, key: keyPem }), leaf, chainPem, keyPem };
    }
  } catch (cause) {
    throw unusable(where, "it does not parse", cause);
  }
  throw unusable(where, "the private key does not fit the certificate");
}

function unusable(where: string, why: string, cause?: unknown): Error {
  return gatewayError("SLIPWAY_GATEWAY_CERTIFICATE_UNUSABLE", `the certificate in ${where} cannot be used: ${why}`, {
    cause,
  });
}
