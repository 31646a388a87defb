import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Packet } from "dns-packet";
import { expect, it, onTestFinished } from "vitest";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { boundAddress, openDnsSockets } from "./dns-sockets.ts";
import { createDnsServer } from "./dns-server.ts";
import { NameTable } from "./name-table.ts";
import { askTcp, askUdp } from "./testing/raw-client.ts";

const kernel = new LinuxKernel();
const NETWORK = "shop_default";
const QUESTION: Packet = { questions: [{ type: "A", name: "web" }] };

it("a query that a server was killed over is answered by the next one on its sockets, and so is one that came meanwhile", async () => {
  const sockets = openDnsSockets(kernel, { address: "127.0.0.1", port: 0 });
  const { address, port } = boundAddress(kernel, sockets.udp);
  const program = `
    import { LinuxKernel } from ${JSON.stringify(join(import.meta.dirname, "../kernel/linux-kernel.ts"))};
    import { createDnsServer } from ${JSON.stringify(join(import.meta.dirname, "dns-server.ts"))};
    const names = { networksOf: () => process.kill(process.pid, "SIGKILL") };
    const options = { kernel: new LinuxKernel(), bindAddress: "127.0.0.1", network: "n", names };
    await createDnsServer({ ...options, sockets: { udp: 3, tcp: 4 } });
    process.stdout.write("serving");`;
  const first = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit", sockets.udp, sockets.tcp],
  });
  onTestFinished(() => void first.kill("SIGKILL"));
  await once(first.stdout!, "data");
  const server = { address, port };
  const killedOver = askUdp(server, QUESTION);
  const [, signal] = (await once(first, "exit")) as [number | null, string];
  expect(signal).toBe("SIGKILL");
  const meanwhile = [askUdp(server, QUESTION), askTcp(server, QUESTION).then(([answer]) => answer!)];

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
  await using _second = await createDnsServer({ kernel, bindAddress: address, network: NETWORK, names, sockets });
  for (const answer of await Promise.all([killedOver, ...meanwhile])) {
    expect(answer.answers).toMatchObject([{ type: "A", data: "10.90.0.2" }]);
  }
});
