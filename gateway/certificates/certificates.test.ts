import { X509Certificate } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Log } from "../log.ts";
import { ask, openTls } from "../testing/clients.ts";
import { startGateway, type TestGateway } from "../testing/start-gateway.ts";
import { CertificateAuthority } from "./certificate-authority.ts";
import { LeafCertificates } from "./leaf-certificates.ts";

const DAY_MS = 86_400_000;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-certificates-"));
});

afterEach(() => rm(folder, { recursive: true }));

describe("the local CA", () => {
  test("is made once, its key readable by its owner alone", async () => {
    const first = await CertificateAuthority.open(folder);
    const second = await CertificateAuthority.open(folder);
    expect(second.certificatePem).toBe(first.certificatePem);
    expect((await stat(join(folder, "ca.key"))).mode & 0o777).toBe(0o600);
    expect((await readdir(folder)).toSorted()).toEqual(["ca.key", "ca.pem"]);
  });

  test("may issue leaves, and no CAs", async () => {
    const { certificatePem } = await CertificateAuthority.open(folder);
    const certificate = new X509Certificate(certificatePem);
    expect(certificate.ca).toBe(true);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: "prime256v1" });
  });

  test("is one CA when several gateways start at once", async () => {
    const authorities = await Promise.all(Array.from({ length: 8 }, () => CertificateAuthority.open(folder)));
    const ca = new X509Certificate(await readFile(join(folder, "ca.pem")));
    for (const authority of authorities) {
      const { certificatePem } = await authority.issue("a.test", new Date(Date.now() + DAY_MS));
      expect(new X509Certificate(certificatePem).verify(ca.publicKey)).toBe(true);
    }
  });

  test("gets its certificate again when a crash came between key and certificate", async () => {
    await CertificateAuthority.open(folder);
    await unlink(join(folder, "ca.pem"));
    await expect(CertificateAuthority.open(folder)).resolves.toBeDefined();
  });

  test.each([
    ["its key is gone", () => unlink(join(folder, "ca.key")), "without its ca.key"],
    ["its key is damaged", () => writeFile(join(folder, "ca.key"), "x"), "not a P-256 private key"],
    ["its certificate is damaged", () => writeFile(join(folder, "ca.pem"), "x"), "not a certificate"],
    ["its key is another's", () => replaceKey(), "does not fit"],
  ])("is refused when %s, and nothing is overwritten", async (_title, damage, message) => {
    await CertificateAuthority.open(folder);
    await damage();
    const before = await readAll(folder);
    const failure = await CertificateAuthority.open(folder).catch((error: Error) => error);
    expect(failure).toMatchObject({ code: "SLIPWAY_GATEWAY_CA_BROKEN" });
    expect((failure as Error).message).toContain(message);
    expect(await readAll(folder)).toEqual(before);
  });

  async function replaceKey(): Promise<void> {
    const other = join(folder, "other");
    await CertificateAuthority.open(other);
    await writeFile(join(folder, "ca.key"), await readFile(join(other, "ca.key")));
    await rm(other, { recursive: true });
  }

  async function readAll(path: string): Promise<string[]> {
    const names = (await readdir(path)).toSorted();
    return Promise.all(names.map(async (name) => `${name}: ${await readFile(join(path, name), "utf8")}`));
  }
});

describe("certificates of the local CA", () => {
  const log: Log = () => undefined;

  test("of one name are issued once for many who ask at once, and kept on disk", async () => {
    const authority = await CertificateAuthority.open(folder);
    const issue = vi.spyOn(authority, "issue");
    const leaves = new LeafCertificates({ authority, folder: join(folder, "leaves"), log });
    const pairs = await Promise.all(Array.from({ length: 20 }, () => leaves.pairFor("*.a.test")));
    expect(new Set(pairs.map((pair) => pair.leaf.serialNumber)).size).toBe(1);
    const later = new LeafCertificates({ authority, folder: join(folder, "leaves"), log });
    expect((await later.pairFor("*.a.test")).leaf.serialNumber).toBe(pairs[0]?.leaf.serialNumber);
    expect(issue).toHaveBeenCalledOnce();
    expect((await stat(join(folder, "leaves/_wildcard.a.test.pem"))).mode & 0o777).toBe(0o600);
  });

  test("are renewed before they expire, the old one served meanwhile", async () => {
    let now = Date.now();
    const authority = await CertificateAuthority.open(folder);
    const leaves = new LeafCertificates({ authority, folder: join(folder, "leaves"), log, now: () => now });
    const first = await leaves.pairFor("a.test");
    now += 61 * DAY_MS;
    expect((await leaves.pairFor("a.test")).leaf.serialNumber).toBe(first.leaf.serialNumber);
    await vi.waitFor(async () => {
      expect((await leaves.pairFor("a.test")).leaf.serialNumber).not.toBe(first.leaf.serialNumber);
    });
  });

  test("of an earlier CA are not served", async () => {
    const leafFolder = join(folder, "leaves");
    const earlier = new LeafCertificates({ authority: await CertificateAuthority.open(folder), folder: leafFolder, log });
    await earlier.pairFor("a.test");
    await unlink(join(folder, "ca.pem"));
    await unlink(join(folder, "ca.key"));
    const authority = await CertificateAuthority.open(folder);
    const { leaf } = await new LeafCertificates({ authority, folder: leafFolder, log }).pairFor("a.test");
    expect(leaf.verify(new X509Certificate(authority.certificatePem).publicKey)).toBe(true);
  });
});

describe("a TLS connection", () => {
  const names = async (gateway: TestGateway, host: string): Promise<string | undefined> => {
    const socket = await openTls(gateway, host);
    const { subjectAltName } = new X509Certificate(socket.getPeerX509Certificate()?.raw ?? "");
    socket.destroy();
    return subjectAltName;
  };

  test("to a host with a route has a certificate of its name that the CA vouches for", async () => {
    await using gateway = await startGateway();
    gateway.route("a.test", "/", []);
    gateway.route("*.wild.test", "/", []);
    expect(await names(gateway, "a.test")).toBe("DNS:a.test");
    expect(await names(gateway, "x.wild.test")).toBe("DNS:*.wild.test");
    expect(await names(gateway, "y.wild.test")).toBe("DNS:*.wild.test");
    expect(await readdir(join(gateway.home, "certificates/leaves"))).toContain("_wildcard.wild.test.pem");
  });

  test("to a host without a route gets a certificate that names no host, and mints nothing", async () => {
    await using gateway = await startGateway();
    gateway.route("a.test", "/", []);
    await expect(openTls(gateway, "b.test")).rejects.toMatchObject({ code: "ERR_TLS_CERT_ALTNAME_INVALID" });
    expect(await readdir(join(gateway.home, "certificates/leaves"))).toEqual(["no-such-host.invalid.pem"]);
    expect(await ask(gateway, "b.test", "/", { rejectUnauthorized: false })).toMatchObject({ status: 404 });
  });

  test("older than TLS 1.2 is refused", async () => {
    await using gateway = await startGateway();
    const socket = connect({
      host: "127.0.0.1",
      port: gateway.httpsPort,
      maxVersion: "TLSv1.1",
      minVersion: "TLSv1",
      ciphers: "DEFAULT@SECLEVEL=0",
      rejectUnauthorized: false,
    });
    const [error] = await once(socket, "error");
    expect(error.code).toMatch(/PROTOCOL_VERSION|ECONNRESET/);
  });

  test("that sends no handshake is closed", async () => {
    await using gateway = await startGateway({ settings: { handshakeTimeoutMs: 100 } });
    const { connect: connectTcp } = await import("node:net");
    const socket = connectTcp(gateway.httpsPort, "127.0.0.1");
    socket.resume();
    await expect(once(socket, "close")).resolves.toBeDefined();
  });
});
