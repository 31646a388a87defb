import { readdir, readFile, readlink, stat } from "node:fs/promises";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { once } from "node:events";
import { expect, test } from "vitest";
import { parseCreds } from "../identity/creds-file.ts";
import { ScratchServer } from "../testing/scratch-server.ts";
import { locateNatsServer } from "./locate.ts";
import { prepareNatsServer } from "./prepare.ts";
import { startNatsServer } from "./start.ts";

test("a second preparation of the same home keeps every key", async () => {
  await using server = await ScratchServer.start();
  const { home, prepared } = server;
  const before = await readKeys(home.keys);
  await server.stop();
  const binary = await locateNatsServer();
  const again = await prepareNatsServer({
    home,
    listenAddress: "127.0.0.1",
    port: Number(new URL(prepared.url).port),
    binary,
  });
  // Its JWTs are signed anew, and say the same: a server that runs on them need not be restarted. On another port it must.
  expect(again).toEqual({ ...prepared, configChanged: false });
  expect(await readKeys(home.keys)).toEqual(before);
  await server.startAgain();
  const moved = await prepareNatsServer({ home, listenAddress: "127.0.0.1", port: 4222, binary });
  expect(moved.configChanged).toBe(true);
});

test("the keys are their owner's alone, and none of them stands in the configuration", async () => {
  await using server = await ScratchServer.start();
  const { keys, nats } = server.home;
  expect((await stat(keys)).mode & 0o777).toBe(0o700);
  expect((await stat(nats)).mode & 0o777).toBe(0o700);
  const config = await readFile(server.prepared.configFile, "utf8");
  const files = await readdir(keys);
  expect(files).toHaveLength(8);
  for (const file of files) {
    const { mode } = await stat(join(keys, file));
    const seeds = (await readFile(join(keys, file), "utf8")).match(/\bS[OAU][A-Z2-7]{56}\b/g) ?? [];
    expect({ file, mode: mode & 0o777, seeds: seeds.length }).toEqual({ file, mode: 0o600, seeds: 1 });
    expect(config).not.toContain(seeds[0]);
  }
});

test("it listens on the address it was given and nowhere else", async () => {
  await using server = await ScratchServer.start();
  const port = Number(new URL(server.url).port);
  const outside = Object.values(networkInterfaces())
    .flat()
    .filter((address) => address !== undefined && !address.internal && address.family === "IPv4");
  for (const { address } of outside as { address: string }[]) {
    await expect(once(connect({ host: address, port }), "connect")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  }
  expect(await listeningPorts(server.pid)).toEqual([`0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`]);
});

test.each(["0.0.0.0", "192.0.2.2", "8.8.8.8", "::", "localhost"])("the address %s is refused", async (listenAddress) => {
  const binary = await locateNatsServer();
  const home = { hash: "0", keys: "/nonexistent", nats: "/nonexistent" };
  await expect(prepareNatsServer({ home, listenAddress, port: 4222, binary })).rejects.toMatchObject({
    code: "SLIPWAY_MESSAGING_ADDRESS_PUBLIC",
    message: expect.stringContaining(listenAddress),
  });
});

test("a second server on the same port fails with what nats-server said", async () => {
  await using server = await ScratchServer.start();
  await using other = await ScratchServer.start();
  await other.stop();
  const binary = await locateNatsServer();
  const { port } = new URL(server.url);
  const taken = await prepareNatsServer({ home: other.home, listenAddress: "127.0.0.1", port: Number(port), binary });
  await expect(startNatsServer(taken)).rejects.toMatchObject({
    code: "SLIPWAY_MESSAGING_SERVER_FAILED",
    message: expect.stringContaining("address already in use"),
  });
});

async function readKeys(folder: string): Promise<Record<string, string>> {
  const keys: Record<string, string> = {};
  for (const file of await readdir(folder)) {
    const text = await readFile(join(folder, file), "utf8");
    keys[file] = file.endsWith(".creds") ? parseCreds(text, file).key.seed : text;
  }
  return keys;
}

/** The local addresses on which a process listens over TCP, as /proc/net/tcp writes them. */
async function listeningPorts(pid: number): Promise<string[]> {
  const fds = await readdir(`/proc/${pid}/fd`);
  const links = await Promise.all(fds.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => "")));
  const inodes = new Set(links.map((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1]).filter((inode) => inode !== undefined));
  const tables = await Promise.all(["tcp", "tcp6"].map((table) => readFile(`/proc/${pid}/net/${table}`, "utf8")));
  const rows = tables.flatMap((table) => table.trim().split("\n").slice(1)).map((row) => row.trim().split(/\s+/));
  return rows.filter((row) => row[3] === "0A" && inodes.has(row[9]!)).map((row) => row[1]!);
}
