import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ScratchNode } from "../containers/scratch-node.ts";
import { attemptInside, attemptOnHost, type Surroundings } from "./attempt.ts";
import { ATTEMPTS } from "./attempts/all.ts";

/** What an attempt gets that has nothing to aim at. */
const ABSENT = ["ENOENT", "ENOSYS", "ENODEV", "ENXIO", "EOPNOTSUPP"];

const resources = new AsyncDisposableStack();
let inside: string[];
let onHost: string[];

beforeAll(async () => {
  const node = resources.use(new ScratchNode());
  const folder = join(node.folder, "given");
  mkdirSync(folder, { mode: 0o777 });
  writeFileSync(join(node.folder, "host-file"), "");
  execFileSync("mknod", ["-m", "666", join(folder, "device"), "c", "1", "5"]);
  chmodSync(folder, 0o777);
  const found = {
    hostPid: process.pid,
    abstractSocket: `slipway-escape-${process.pid}`,
    loopbackPort: await listen({ host: "127.0.0.1", port: 0 }),
    hostFile: join(node.folder, "host-file"),
  };
  await listen({ path: `\0${found.abstractSocket}` });
  const mount = { source: folder, target: "/given", file: false, readOnly: false, idmap: null } as const;
  const mounts = [{ ...mount, kind: "bind", recursive: false, propagation: "private", targetExists: false } as const];
  const scratch = join(node.folder, "scratch");
  mkdirSync(scratch);
  onHost = attemptOnHost(ATTEMPTS, { ...found, scratch, device: join(folder, "device") } satisfies Surroundings);
  inside = await attemptInside(node, ATTEMPTS, { ...found, scratch: "/tmp", device: "/given/device" }, { mounts });
});
afterAll(() => resources.disposeAsync());

describe("root of a default container is refused", () => {
  it.for(ATTEMPTS.map(({ title, refused }, index) => ({ title, refused, index })))(
    "$title",
    ({ refused, index }, context) => {
      expect(refused).toContain(inside[index]);
      const host = onHost[index] ?? "";
      if (!refused.includes(host)) return;
      context.skip(ABSENT.includes(host), `this machine has nothing of the kind: its own root gets ${host}`);
      context.skip(!hasEveryCapability(), `this machine's root, itself in a container, gets ${host}`);
      expect.fail(`the host's root gets ${host} too: the attempt proves nothing`);
    },
  );

  it("no more than was tried", () => {
    expect(inside).toHaveLength(ATTEMPTS.length);
    expect(ATTEMPTS.length).toBeGreaterThan(100);
  });
});

function hasEveryCapability(): boolean {
  const last = Number(readFileSync("/proc/sys/kernel/cap_last_cap", "utf8"));
  const effective = /^CapEff:\s*(\S+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return BigInt(`0x${effective}`) === (1n << BigInt(last + 1)) - 1n;
}

/** A server of the host's, until the end; its port. */
async function listen(where: { host: string; port: number } | { path: string }): Promise<number> {
  const server: Server = resources.adopt(createServer(), async (open) => {
    open.close();
    await once(open, "close");
  });
  server.listen(where);
  await once(server, "listening");
  const address = server.address();
  return address !== null && typeof address === "object" ? address.port : 0;
}
