import { mkdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CertificateAuthority } from "#gateway/certificates/certificate-authority.ts";
import { spawnGateway } from "#gateway/testing/gateway-process.ts";
import { freePort } from "../test/e2e/free-port.ts";
import { startCaddy } from "./gateway/caddy.ts";
import { h2load, type Load, onCpu, wrk } from "./gateway/load.ts";
import { proxyServer, startNginx, targetServer } from "./gateway/nginx.ts";
import { cpuMs } from "./gateway/process-cpu.ts";
import { type Bench, type BenchContext, type Contender, OURS } from "./harness/bench.ts";
import { rounded } from "./harness/quantiles.ts";

const ROUNDS = 3;
const SECONDS = 4;

interface Proxy {
  name: string;
  pid: number;
  port: number;
}

export const bench: Bench = {
  title: "The gateway's full lane",
  method:
    "TLS with P-256, kept connections, answers of 1 KiB, the same target. The proxies are on CPU 0, the target and the load (wrk for HTTP/1.1, h2load for HTTP/2) on CPU 1; of each proxy " +
    `the round with the least CPU a request out of ${ROUNDS}, in turns.`,
  targets: [],
  async measure(context) {
    await using stack = new AsyncDisposableStack();
    const folder = join(context.folder, "gateway");
    mkdirSync(folder);
    const [targetPort, nginxPort, caddyPort, gatewayPort] = [
      await freePort(),
      await freePort(),
      await freePort(),
      await freePort(),
    ];
    await prepareHome(folder, targetPort);
    stack.use(await startNginx(folder, "target", 1, targetServer(targetPort)));
    const gateway = stack.use(spawnGateway(folder, { SLIPWAY_HTTP_PORT: "0", SLIPWAY_HTTPS_PORT: String(gatewayPort) }));
    await gateway.ready;
    const pid = gateway.child.pid ?? 0;
    onCpu(1, "taskset", "-a", "-p", "-c", "0", String(pid));
    const proxies: Proxy[] = [{ name: OURS, pid, port: gatewayPort }];
    await context.peer("nginx", async () => {
      const nginx = stack.use(await startNginx(folder, "proxy", 0, proxyServer(folder, nginxPort, targetPort)));
      proxies.push({ name: "nginx", pid: nginx.pid, port: nginxPort });
    });
    await context.peer("caddy", async () => {
      const caddy = stack.use(await startCaddy(folder, caddyPort, targetPort));
      proxies.push({ name: "caddy", pid: caddy.pid, port: caddyPort });
    });
    const http1 = await compare(context, proxies, wrk);
    const http2 = await compare(context, proxies, h2load);
    return proxies.map(({ name }): Contender => ({
      name,
      metrics: { ...prefixed("http1", http1.get(name)), ...prefixed("http2", http2.get(name)) },
    }));
  },
};

interface Result {
  RequestsPerSecond: number;
  CpuMicrosecondsPerRequest: number;
  P50Ms: number | null;
  P99Ms: number | null;
}

async function compare({ isQuick }: BenchContext, proxies: readonly Proxy[], load: Load): Promise<Map<string, Result>> {
  const seconds = isQuick ? 1 : SECONDS;
  const best = new Map<string, Result>();
  for (const { port } of proxies) load.run(port, 1);
  for (let round = 0; round < ROUNDS; round++) {
    for (const proxy of proxies) {
      const result = await measure(proxy, load, seconds);
      const known = best.get(proxy.name);
      if (known === undefined || result.CpuMicrosecondsPerRequest < known.CpuMicrosecondsPerRequest)
        best.set(proxy.name, result);
    }
  }
  return best;
}

async function measure({ pid, port }: Proxy, load: Load, seconds: number): Promise<Result> {
  const [cpuBefore, before] = [await cpuMs(pid), performance.now()];
  const { requestsPerSecond, p50Ms, p99Ms } = load.run(port, seconds);
  const requests = (requestsPerSecond * (performance.now() - before)) / 1000;
  const cpu = rounded((((await cpuMs(pid)) - cpuBefore) * 1000) / requests);
  return { RequestsPerSecond: rounded(requestsPerSecond), CpuMicrosecondsPerRequest: cpu, P50Ms: p50Ms, P99Ms: p99Ms };
}

function prefixed(protocol: string, result: Result | undefined): Record<string, number> {
  const known = Object.entries(result ?? {}).filter((one): one is [string, number] => typeof one[1] === "number");
  return Object.fromEntries(known.map(([metric, value]) => [`${protocol}${metric}`, rounded(value)]));
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
