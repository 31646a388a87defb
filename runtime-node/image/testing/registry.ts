import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { tool } from "./tool.ts";

/** A running registry, Debian's docker-registry, on a port of its own of 127.0.0.1. */
export interface TestRegistry extends AsyncDisposable {
  /** `127.0.0.1:<port>` */
  host: string;
  /** The folder that it keeps everything in. */
  storage: string;
  /** Copies an image in with skopeo: `source` is in skopeo's notation (`oci:/folder:tag`), `name` is `app:1`. Returns the full name. */
  push(source: string, name: string, ...skopeoOptions: string[]): Promise<string>;
}

/** Starts a registry; `htpasswd` (a file's content) makes it ask for a login. */
export async function startRegistry(options: { htpasswd?: string } = {}): Promise<TestRegistry> {
  await using started = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "slipway-registry-"));
  started.defer(() => rm(directory, { recursive: true, force: true }));
  await writeConfig(directory, options.htpasswd);
  const child = spawn("docker-registry", ["serve", join(directory, "config.yml")], { stdio: ["ignore", "ignore", "pipe"] });
  const exited = once(child, "exit");
  started.defer(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  const host = await listeningAddress(child.stderr);
  child.stderr.resume();
  const resources = started.move();
  return {
    host,
    storage: join(directory, "data"),
    async push(source, name, ...skopeoOptions) {
      await tool(
        "skopeo",
        "copy",
        "--quiet",
        "--insecure-policy",
        "--dest-tls-verify=false",
        ...skopeoOptions,
        source,
        `docker://${host}/${name}`,
      );
      return `${host}/${name}`;
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

async function writeConfig(directory: string, htpasswd: string | undefined): Promise<void> {
  const lines = [
    "version: 0.1",
    "log: {level: info, formatter: text}",
    `storage: {filesystem: {rootdirectory: ${join(directory, "data")}}, delete: {enabled: true}}`,
    "http: {addr: 127.0.0.1:0}",
  ];
  if (htpasswd !== undefined) {
    await writeFile(join(directory, "htpasswd"), htpasswd);
    lines.push(`auth: {htpasswd: {realm: test, path: ${join(directory, "htpasswd")}}}`);
  }
  await writeFile(join(directory, "config.yml"), `${lines.join("\n")}\n`);
}

/** It logs the port that it got. */
async function listeningAddress(stderr: NodeJS.ReadableStream): Promise<string> {
  const lines = createInterface({ input: stderr });
  const seen: string[] = [];
  for await (const line of lines) {
    seen.push(line);
    const address = /listening on (127\.0\.0\.1:\d+)/.exec(line)?.[1];
    if (address !== undefined) return address;
  }
  throw new Error(`docker-registry did not start:\n${seen.join("\n")}`);
}
