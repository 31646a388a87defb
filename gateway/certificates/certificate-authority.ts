import { X509Certificate } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { homeLayout } from "#contracts/home.ts";
import { createFileOnce } from "../durable-file.ts";
import { gatewayError } from "../errors.ts";
import { type IssuedCertificate, issueLeaf, signAuthority } from "./issue-certificate.ts";
import { type KeyPair, generateKeyPem, importKeyPair } from "./key-pair.ts";

/** The home's own CA: `ca.pem` for clients to trust, `ca.key` (0600) that never leaves the folder. */
export class CertificateAuthority {
  readonly certificatePem: string;
  readonly #keys: KeyPair;

  private constructor(certificatePem: string, keys: KeyPair) {
    this.certificatePem = certificatePem;
    this.#keys = keys;
  }

  /** Opens the CA of a folder, making it on first use. Several gateways may do so at once: the first one wins. */
  static async open(folder: string): Promise<CertificateAuthority> {
    await mkdir(folder, { recursive: true });
    const keyPem = await openKey(folder);
    const keys = await importKeyPair(keyPem).catch((cause: unknown) => {
      throw broken(folder, "ca.key is not a P-256 private key in PEM", cause);
    });
    const certificatePem = await openCertificate(folder, keys);
    checkCertificate(certificatePem, keys, folder);
    return new CertificateAuthority(certificatePem, keys);
  }

  /** Issues a certificate for one DNS name (`*.` for a wildcard). */
  issue(name: string, notAfter: Date): Promise<IssuedCertificate> {
    return issueLeaf(this.certificatePem, this.#keys, name, notAfter);
  }

  /** True when this CA's key has signed the certificate. */
  hasSigned(certificate: X509Certificate): boolean {
    return certificate.verify(new X509Certificate(this.certificatePem).publicKey);
  }
}

/** The local CA's certificate in PEM, for clients to trust; it is there once a gateway has started on the home. */
export async function readCaCertificate(home: string): Promise<string> {
  return readFile(join(homeLayout(home).certificates, "ca.pem"), "utf8");
}

async function openKey(folder: string): Promise<string> {
  const path = join(folder, "ca.key");
  const existing = await readIfThere(path);
  if (existing !== undefined) return existing;
  if ((await readIfThere(join(folder, "ca.pem"))) !== undefined) throw broken(folder, "ca.pem is there without its ca.key");
  await createFileOnce(path, await generateKeyPem(), 0o600);
  return readFile(path, "utf8");
}

async function openCertificate(folder: string, keys: KeyPair): Promise<string> {
  const path = join(folder, "ca.pem");
  const existing = await readIfThere(path);
  if (existing !== undefined) return existing;
  await createFileOnce(path, await signAuthority(keys), 0o644);
  return readFile(path, "utf8");
}

function checkCertificate(certificatePem: string, keys: KeyPair, folder: string): void {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(certificatePem);
  } catch (cause) {
    throw broken(folder, "ca.pem is not a certificate in PEM", cause);
  }
  if (!certificate.checkPrivateKey(keys.privateKeyObject)) throw broken(folder, "ca.key does not fit ca.pem");
  if (certificate.validToDate.getTime() < Date.now()) throw broken(folder, `ca.pem expired at ${certificate.validTo}`);
}

function broken(folder: string, what: string, cause?: unknown): Error {
  return gatewayError("SLIPWAY_GATEWAY_CA_BROKEN", `the local CA in ${folder} cannot be used: ${what}`, { cause });
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
