import { X509Certificate } from "node:crypto";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openTls } from "../testing/clients.ts";
import { startGateway, type TestGateway } from "../testing/start-gateway.ts";
import { CertificateAuthority } from "./certificate-authority.ts";
import type { IssuedCertificate } from "./issue-certificate.ts";

let folder: string;
let operator: CertificateAuthority;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-files-"));
  operator = await CertificateAuthority.open(join(folder, "operator"));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const inAMonth = (): Date => new Date(Date.now() + 30 * 86_400_000);

async function install(home: string, name: string, { certificatePem, privateKeyPem }: IssuedCertificate): Promise<void> {
  const files = join(home, "certificates/files");
  await mkdir(files, { recursive: true });
  await writeFile(join(files, `${name}.key.new`), privateKeyPem);
  await rename(join(files, `${name}.key.new`), join(files, `${name}.key`));
  await writeFile(join(files, `${name}.crt`), certificatePem);
}

async function serialOf(gateway: TestGateway, host: string): Promise<string> {
  const socket = await openTls({ ...gateway, ca: gateway.ca + operator.certificatePem }, host);
  const { serialNumber } = new X509Certificate(socket.getPeerX509Certificate()?.raw ?? "");
  socket.destroy();
  return serialNumber.toLowerCase();
}

const serial = ({ certificatePem }: IssuedCertificate): string =>
  new X509Certificate(certificatePem).serialNumber.toLowerCase();

test("a certificate from a file wins over the local CA's", async () => {
  const issued = await operator.issue("a.test", inAMonth());
  await install(folder, "a.test", issued);
  await using gateway = await startGateway({ home: folder });
  gateway.route("a.test", "/", []);
  expect(await serialOf(gateway, "a.test")).toBe(serial(issued));
});

test("a wildcard's file serves the names under it, and not what has its own", async () => {
  const [wildcard, own] = [await operator.issue("*.a.test", inAMonth()), await operator.issue("www.a.test", inAMonth())];
  await install(folder, "_wildcard.a.test", wildcard);
  await install(folder, "www.a.test", own);
  await using gateway = await startGateway({ home: folder });
  expect(await serialOf(gateway, "x.a.test")).toBe(serial(wildcard));
  expect(await serialOf(gateway, "www.a.test")).toBe(serial(own));
});

test("a file that is put there, replaced or taken away is noticed while the gateway runs", async () => {
  await using gateway = await startGateway({ home: folder });
  gateway.route("a.test", "/", []);
  const own = await serialOf(gateway, "a.test");
  for (let round = 0; round < 2; round += 1) {
    const issued = await operator.issue("a.test", inAMonth());
    await install(folder, "a.test", issued);
    await vi.waitFor(async () => expect(await serialOf(gateway, "a.test")).toBe(serial(issued)));
  }
  await rm(join(folder, "certificates/files/a.test.crt"));
  await vi.waitFor(async () => expect(await serialOf(gateway, "a.test")).toBe(own));
});

test("a key that does not fit leaves the earlier certificate in place, and is said", async () => {
  const [good, other] = [await operator.issue("a.test", inAMonth()), await operator.issue("a.test", inAMonth())];
  await install(folder, "a.test", good);
  await using gateway = await startGateway({ home: folder });
  await writeFile(join(folder, "certificates/files/a.test.key"), other.privateKeyPem);
  await vi.waitFor(() => {
    expect(gateway.logged.at(-1)?.fields).toMatchObject({ code: "SLIPWAY_GATEWAY_CERTIFICATE_UNUSABLE" });
    expect(gateway.logged.at(-1)?.fields["error"]).toContain("does not fit");
  });
  expect(await serialOf(gateway, "a.test")).toBe(serial(good));
});
