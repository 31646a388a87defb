import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { MEDIA_TYPE } from "../media-types.ts";
import type { SmallImage } from "./small-image.ts";

export interface BlobRequest {
  digest: string;
  /** 1 for the first request of this blob. */
  attempt: number;
  body: Buffer;
  request: IncomingMessage;
  response: ServerResponse;
}

export interface LyingRegistry extends AsyncDisposable {
  host: string;
  /** Path and range of every request, in order. */
  requests: string[];
}

export interface Lies {
  /** Answers a request for a blob itself; false leaves it to the truth. */
  blob?: (request: BlobRequest) => boolean;
  /** Answers any request itself, before everything else. */
  any?: (request: IncomingMessage, response: ServerResponse, count: number) => boolean;
}

/** A registry that serves one image, whatever it is asked for, and lies where a test wants it to. */
export async function startLyingRegistry(image: SmallImage, lies: Lies = {}): Promise<LyingRegistry> {
  const requests: string[] = [];
  const attempts = new Map<string, number>();
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    requests.push(request.headers.range === undefined ? path : `${path} ${request.headers.range}`);
    if (lies.any?.(request, response, requests.length) === true) return;
    if (path.includes("/manifests/")) {
      response.setHeader("content-type", MEDIA_TYPE.ociManifest);
      response.setHeader("docker-content-digest", image.manifest.digest);
      response.end(image.manifest.body);
      return;
    }
    const digest = path.slice(path.lastIndexOf("/") + 1);
    const body = image.blobs.get(digest);
    if (body === undefined) {
      response.writeHead(404).end();
      return;
    }
    const attempt = (attempts.get(digest) ?? 0) + 1;
    attempts.set(digest, attempt);
    if (lies.blob?.({ digest, attempt, body, request, response }) !== true) serveTruth(body, request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function serveTruth(body: Buffer, request: IncomingMessage, response: ServerResponse): void {
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  if (start > 0) response.writeHead(206, { "content-range": `bytes ${start}-${body.byteLength - 1}/${body.byteLength}` });
  response.end(body.subarray(start));
}
