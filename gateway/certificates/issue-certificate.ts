// @peculiar/x509 does not load without it.
import "reflect-metadata";
import { randomBytes, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { generateKeyPair, KEY_ALGORITHM, type KeyPair, privateKeyPem } from "./key-pair.ts";

export interface IssuedCertificate {
  certificatePem: string;
  privateKeyPem: string;
}

const AUTHORITY_LIFETIME_MS = 3650 * 86_400_000;
/** For clients whose clock is behind ours. */
const CLOCK_SKEW_MS = 3_600_000;

x509.cryptoProvider.set(webcrypto);

/** A self-signed CA certificate that may issue leaves only (path length 0). */
export async function signAuthority(keys: KeyPair): Promise<string> {
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    // The serial in the name keeps apart the CAs of several homes in one trust store.
    name: [{ O: ["Slipway"] }, { CN: [`Slipway local CA ${randomBytes(4).toString("hex")}`] }],
    notBefore: beforeNow(),
    notAfter: new Date(Date.now() + AUTHORITY_LIFETIME_MS),
    signingAlgorithm: KEY_ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return `${certificate.toString("pem")}\n`;
}

/** A server certificate with a key of its own, signed by the CA and never valid longer than it. */
export async function issueLeaf(
  authorityPem: string,
  authority: KeyPair,
  name: string,
  notAfter: Date,
): Promise<IssuedCertificate> {
  const issuer = new x509.X509Certificate(authorityPem);
  const keys = await generateKeyPair();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    // A common name has at most 64 characters (RFC 5280, A.1); clients read the alternative name.
    subject: [{ CN: [name.length <= 64 ? name : "slipway"] }],
    issuer: issuer.subjectName.toJSON(),
    notBefore: beforeNow(),
    notAfter: notAfter < issuer.notAfter ? notAfter : issuer.notAfter,
    signingAlgorithm: KEY_ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: authority.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([{ type: "dns", value: name }]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey),
    ],
  });
  return { certificatePem: `${certificate.toString("pem")}\n`, privateKeyPem: privateKeyPem(keys.privateKey) };
}

function beforeNow(): Date {
  return new Date(Date.now() - CLOCK_SKEW_MS);
}

/** 16 random bytes, positive and not zero (RFC 5280, 4.1.2.2). */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString("hex");
}
