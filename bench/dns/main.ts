/** `node main.ts ADDRESS NAMES`: answers service0, service1, … on port 53 until it is ended. */
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { createDnsServer } from "#runtime-node/dns/dns-server.ts";
import { NameTable } from "#runtime-node/dns/name-table.ts";

const [bindAddress = "", count = "0"] = process.argv.slice(2);
const names = new NameTable();
for (let index = 0; index < Number(count); index++) {
  const service = `service${index}`;
  const instance = { instanceId: `i${index}`, instanceName: `bench-${service}-1`, service, aliases: [] };
  names.add({
    ...instance,
    network: "bench_default",
    project: "bench",
    address: `10.83.1.${index + 2}`,
    ports: [],
    healthy: true,
  });
}
await createDnsServer({ kernel: new LinuxKernel(), bindAddress, network: "bench_default", names });
