import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startGateway, type TestGateway } from "../testing/start-gateway.ts";
import { startUpstream, type TestUpstream } from "../testing/start-upstream.ts";

const run = promisify(execFile);
const CURL = "/usr/bin/curl";
const NGHTTP = "/usr/bin/nghttp";
let gateway: TestGateway;
let upstream: TestUpstream;

beforeAll(async () => {
  gateway = await startGateway();
  upstream = await startUpstream((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => response.end(`${request.method} ${request.url} ${Buffer.concat(chunks).length}`));
  });
  gateway.route("shop.test", "/", [upstream.target()]);
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

async function curl(...options: string[]): Promise<string> {
  const { httpPort, httpsPort, home } = gateway;
  const resolve = [httpPort, httpsPort].flatMap((port) => ["--resolve", `shop.test:${port}:127.0.0.1`]);
  const ca = join(home, "certificates/ca.pem");
  return (await run(CURL, ["-sS", "--cacert", ca, ...resolve, ...options])).stdout;
}

describe.skipIf(!existsSync(CURL))(`curl (${existsSync(CURL) ? CURL : "not installed: the package curl"})`, () => {
  test.each([["--http1.0 --no-alpn"], ["--http1.1"], ["--http2"]])(
    "%s verifies the certificate and gets the answer",
    async (options) => {
      expect(await curl(...options.split(" "), `https://shop.test:${gateway.httpsPort}/x`)).toBe("GET /x 0");
    },
  );

  test.each(["--http1.1", "--http2"])("%s uploads a file, of a length it does not say", async (version) => {
    const path = join(gateway.home, "upload");
    await writeFile(path, Buffer.alloc(5_000_000));
    const header = ["-H", "Transfer-Encoding: chunked"];
    const options = version === "--http1.1" ? header : [];
    const url = `https://shop.test:${gateway.httpsPort}/up`;
    expect(await curl(version, ...options, "-T", path, url)).toBe("PUT /up 5000000");
  });

  test("follows the redirect from HTTP", async () => {
    expect(await curl("-L", `http://shop.test:${gateway.httpPort}/y`)).toBe("GET /y 0");
  });
});

describe.skipIf(!existsSync(NGHTTP))(
  `nghttp (${existsSync(NGHTTP) ? NGHTTP : "not installed: the package nghttp2-client"})`,
  () => {
    test("gets many streams of one connection answered", async () => {
      const uris = Array.from({ length: 50 }, (_, index) => `https://127.0.0.1:${gateway.httpsPort}/${index}`);
      const { stdout } = await run(NGHTTP, ["-H", ":authority: shop.test", "--no-verify-peer", ...uris]);
      expect(stdout.match(/GET \/\d+ 0/g)).toHaveLength(50);
    });
  },
);
