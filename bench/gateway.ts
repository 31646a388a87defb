/**
 * The gateway's full lane beside nginx as a TLS-terminating reverse proxy: the same target, certificate kind, load and core. The proxies run on
 * CPU 0, the target and the load on CPU 1. Needs nginx, wrk and h2load. Run: `node bench/gateway.ts [seconds]`; prints ratios and writes
 * bench/results/gateway.json.
 */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { cpus, loadavg, release, tmpdir } from "node:os";
import { join } from "node:path";
import { PACKAGE_ROOT } from "#contracts/process-entry.ts";
import { CertificateAuthority } from "#gateway/certificates/certificate-authority.ts";
import { spawnGateway } from "#gateway/testing/gateway-process.ts";
import { type Load, h2load, onCpu, wrk } from "./gateway/load.ts";
import { proxyServer, startNginx, targetServer } from "./gateway/nginx.ts";
import { cpuMs } from "./gateway/process-cpu.ts";

const ROUNDS = 3;
const seconds = Number(process.argv[2] ?? 6);

interface Proxy {
  name: string;
  pid: number;
  port: number;
}

interface Result {
  proxy: string;
  protocol: Load["protocol"];
  requestsPerSecond: number;
  cpuMicrosecondsPerRequest: number;
  p50Ms: number | null;
  p99Ms: number | null;
}

async function measure({ name, pid, port }: Proxy, load: Load): Promise<Result> {
  const [cpuBefore, before] = [await cpuMs(pid), performance.now()];
  const { requestsPerSecond, p50Ms, p99Ms } = load.run(port, seconds);
  const requests = (requestsPerSecond * (performance.now() - before)) / 1000;
  const cpuMicrosecondsPerRequest = Math.round((((await cpuMs(pid)) - cpuBefore) * 1000) / requests);
  return { proxy: name, protocol: load.protocol, requestsPerSecond, cpuMicrosecondsPerRequest, p50Ms, p99Ms };
}

/** Alternating rounds, so that what else the machine does falls on both; of each proxy the round with the least CPU a request. */
async function compare(proxies: Proxy[], load: Load): Promise<Result[]> {
  const best = new Map<string, Result>();
  for (const { port } of proxies) load.run(port, 2);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const proxy of proxies) {
      const result = await measure(proxy, load);
      const known = best.get(proxy.name);
      if (known === undefined || result.cpuMicrosecondsPerRequest < known.cpuMicrosecondsPerRequest)
        best.set(proxy.name, result);
    }
  }
  return [...best.values()];
}

async function prepareHome(folder: string, targetPort: number): Promise<void> {
  const authority = await CertificateAuthority.open(join(folder, "certificates"));
  const issued = await authority.issue("localhost", new Date(Date.now() + 86_400_000));
  await writeFile(join(folder, "nginx.crt"), issued.certificatePem);
  await writeFile(join(folder, "nginx.key"), issued.privateKeyPem);
  const target = { instanceId: "000000000001", address: "127.0.0.1", port: targetPort, state: "ready" };
  const routes = [{ host: "localhost", path: "/", project: "bench", service: "target", targets: [target] }];
  await writeFile(join(folder, "gateway-routes.json"), JSON.stringify(routes));
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  for (const server of servers) server.close();
  return ports;
}

function ratiosOf(results: Result[]): Record<string, number> {
  const ratios: Record<string, number> = {};
  for (const ours of results.filter(({ proxy }) => proxy === "slipway")) {
    const theirs = results.find(({ proxy, protocol }) => proxy === "nginx" && protocol === ours.protocol);
    if (theirs === undefined) continue;
    const ratio = (value: number): number => Math.round(value * 100) / 100;
    ratios[`${ours.protocol} CPU a request, slipway / nginx`] = ratio(
      ours.cpuMicrosecondsPerRequest / theirs.cpuMicrosecondsPerRequest,
    );
    ratios[`${ours.protocol} requests a second, slipway / nginx`] = ratio(
      ours.requestsPerSecond / theirs.requestsPerSecond,
    );
  }
  return ratios;
}

function machine(): Record<string, string | number | number[]> {
  const nginxVersion = execFileSync("sh", ["-c", "nginx -v 2>&1"], { encoding: "utf8" }).trim();
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cpus: cpus().length,
    kernel: release(),
    node: process.version,
    peer: nginxVersion,
    loadAverage: loadavg().map((one) => Math.round(one * 10) / 10),
  };
}

await using stack = new AsyncDisposableStack();
const folder = await mkdtemp(join(tmpdir(), "slipway-bench-gateway-"));
stack.defer(() => rm(folder, { recursive: true, force: true }));
const [targetPort = 0, nginxPort = 0, gatewayPort = 0] = await freePorts(3);
await prepareHome(folder, targetPort);
stack.use(await startNginx(folder, "target", 1, targetServer(targetPort)));
const nginx = stack.use(await startNginx(folder, "proxy", 0, proxyServer(folder, nginxPort, targetPort)));
const ports = { SLIPWAY_HTTP_PORT: "0", SLIPWAY_HTTPS_PORT: String(gatewayPort) };
const gateway = stack.use(spawnGateway(folder, ports));
await gateway.ready;
const gatewayPid = gateway.child.pid ?? 0;
onCpu(1, "taskset", "-a", "-p", "-c", "0", String(gatewayPid));

const proxies = [
  { name: "nginx", pid: nginx.pid, port: nginxPort },
  { name: "slipway", pid: gatewayPid, port: gatewayPort },
];
const results = [...(await compare(proxies, wrk)), ...(await compare(proxies, h2load))];
const ratios = ratiosOf(results);
const report = {
  machine: machine(),
  load: "1 KiB answers, kept connections, TLS with P-256",
  seconds,
  rounds: ROUNDS,
  results,
  ratios,
  absent: ["caddy"],
};
await mkdir(join(PACKAGE_ROOT, "bench/results"), { recursive: true });
await writeFile(join(PACKAGE_ROOT, "bench/results/gateway.json"), `${JSON.stringify(report, null, 2)}\n`);
console.table(results);
console.table(ratios);
