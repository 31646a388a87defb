import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Packet } from "dns-packet";
import { expect, it, onTestFinished } from "vitest";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { boundAddress, type DnsSockets, openDnsSockets } from "./dns-sockets.ts";
import { createDnsServer, type DnsServer } from "./dns-server.ts";
import { NameTable } from "./name-table.ts";
import { askTcp, askUdp, sendAll } from "./testing/raw-client.ts";

const kernel = new LinuxKernel();
const NETWORK = "shop_default";
const QUESTION: Packet = { questions: [{ type: "A", name: "web" }] };

/** A server on these sockets that kills itself while it looks for the answer to its query of that number. */
function startDoomed(sockets: DnsSockets, lastQuery: number): ChildProcess {
  const program = `
    import { LinuxKernel } from ${JSON.stringify(join(import.meta.dirname, "../kernel/linux-kernel.ts"))};
    import { createDnsServer } from ${JSON.stringify(join(import.meta.dirname, "dns-server.ts"))};
    let left = ${lastQuery};
    const networksOf = () => (--left === 0 ? process.kill(process.pid, "SIGKILL") : ["n"]);
    // The names seem to change all the time: each query goes the long way.
    const names = { get version() { return Math.random(); }, networksOf, lookup: () => ["192.0.2.1"] };
    const options = { kernel: new LinuxKernel(), bindAddress: "127.0.0.1", network: "n", names };
    await createDnsServer({ ...options, sockets: { udp: 3, tcp: 4 } });
    process.stdout.write("serving");`;
  const server = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit", sockets.udp, sockets.tcp],
  });
  onTestFinished(() => void server.kill("SIGKILL"));
  return server;
}

async function killed(server: ChildProcess): Promise<void> {
  const [, signal] = (await once(server, "exit")) as [number | null, string];
  expect(signal).toBe("SIGKILL");
}

function startNext(sockets: DnsSockets): Promise<DnsServer> {
  const names = new NameTable();
  names.add({
    network: NETWORK,
    project: "shop",
    instanceId: "0123456789ab",
    instanceName: "shop-web-1",
    service: "web",
    aliases: [],
    address: "10.90.0.2",
    ports: [],
    healthy: true,
  });
  return createDnsServer({ kernel, bindAddress: "127.0.0.1", network: NETWORK, names, sockets });
}

it("a query that a server was killed over is answered by the next one on its sockets, and so is one that came meanwhile", async () => {
  const sockets = openDnsSockets(kernel, { address: "127.0.0.1", port: 0 });
  const server = boundAddress(kernel, sockets.udp);
  const first = startDoomed(sockets, 1);
  await once(first.stdout!, "data");
  const killedOver = askUdp(server, QUESTION);
  await killed(first);
  const meanwhile = [askUdp(server, QUESTION), askTcp(server, QUESTION).then(([answer]) => answer!)];

  await using _next = await startNext(sockets);
  for (const answer of await Promise.all([killedOver, ...meanwhile])) {
    expect(answer.answers).toMatchObject([{ type: "A", data: "10.90.0.2" }]);
  }
});

it("of queries that are answered together none is lost when the server is killed over one of them, whatever waits between them", async () => {
  const sockets = openDnsSockets(kernel, { address: "127.0.0.1", port: 0 });
  const server = boundAddress(kernel, sockets.udp);
  await sendAll(server, [new Uint8Array()]);
  const asked = Array.from({ length: 4 }, () => askUdp(server, QUESTION));
  await killed(startDoomed(sockets, 3));
  await sendAll(server, [new Uint8Array(), new Uint8Array(5000)]);
  asked.push(askUdp(server, QUESTION));

  await using _next = await startNext(sockets);
  for (const answer of await Promise.all(asked)) {
    expect(answer.answers).toMatchObject([{ type: "A", data: "10.90.0.2" }]);
  }
});
