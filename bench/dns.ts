import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Bench, type Contender, OURS } from "./harness/bench.ts";
import { cpuMsOf } from "./harness/memory.ts";
import { median, percentile, rounded } from "./harness/quantiles.ts";
import { type Daemon, run, startDaemon } from "./peers/command.ts";
import { findCommand } from "./peers/set-up.ts";

const NAMES = 200;
const SECONDS = 5;
const ROUNDS = 3;
const STEADY_QUERIES_PER_SECOND = 2_000;

export const bench: Bench = {
  title: "DNS: own names",
  method:
    `${NAMES} names asked by dnsperf over UDP: as fast as they are answered (${ROUNDS} rounds in turns, the best counts), and ${STEADY_QUERIES_PER_SECOND} a second for the latencies. The server is on ` +
    "CPU 0, dnsperf on CPU 1. dnsmasq has the names from a hosts file.",
  targets: [
    { kind: "advantage", metric: "queriesPerSecond", over: "dnsmasq", atLeast: 1, more: "is better" },
    { kind: "advantage", metric: "p99Ms", over: "dnsmasq", atLeast: 1 },
  ],
  async measure(context) {
    await using stack = new AsyncDisposableStack();
    const queries = writeNames(context.folder);
    const ask = (address: string, ...args: string[]): Promise<string> =>
      run("taskset", [
        "-c",
        "1",
        "dnsperf",
        "-s",
        address,
        "-d",
        queries,
        "-c",
        "8",
        "-l",
        String(context.isQuick ? 1 : SECONDS),
        ...args,
      ]);
    const place = (address: string): { log: string; isUp: () => Promise<string> } => ({
      log: join(context.folder, `${address}.log`),
      isUp: () => run("dnsperf", ["-s", address, "-d", queries, "-n", "1", "-t", "1"]).then(answered),
    });
    const servers: { name: string; address: string; daemon: Daemon }[] = [];
    const start = async (name: string, address: string, command: string[]): Promise<void> => {
      const daemon = await context.peer(name, async () =>
        stack.use(await startDaemon(["taskset", "-c", "0", ...command], place(address))),
      );
      if (daemon !== undefined) servers.push({ name, address, daemon });
    };
    await start(OURS, "127.0.0.2", [
      process.execPath,
      join(import.meta.dirname, "dns/main.ts"),
      "127.0.0.2",
      String(NAMES),
    ]);
    const flags = [
      "--keep-in-foreground",
      "--conf-file=/dev/null",
      "--no-hosts",
      "--no-resolv",
      "--bind-interfaces",
      "--pid-file",
    ];
    const dnsmasq = [
      findCommand("dnsmasq") ?? "dnsmasq",
      ...flags,
      "--user=root",
      "--listen-address=127.0.0.3",
      `--addn-hosts=${join(context.folder, "hosts")}`,
    ];
    await start("dnsmasq", "127.0.0.3", dnsmasq);
    const best = new Map<string, { queriesPerSecond: number; cpuMicroseconds: number }>();
    for (let round = 0; round < ROUNDS; round++) {
      for (const { name, address, daemon } of servers) {
        const before = cpuMsOf(daemon.pid);
        const text = answered(await ask(address, "-q", "100"));
        const queriesPerSecond = rounded(Number(/Queries per second:\s+([\d.]+)/.exec(text)?.[1]));
        const count = Number(/Queries completed:\s+(\d+)/.exec(text)?.[1]);
        const cpuMicroseconds = rounded(((cpuMsOf(daemon.pid) - before) * 1000) / count);
        if (queriesPerSecond > (best.get(name)?.queriesPerSecond ?? 0))
          best.set(name, { queriesPerSecond, cpuMicroseconds });
      }
    }
    const contenders: Contender[] = [];
    for (const { name, address } of servers) {
      const latencies = latenciesMs(await ask(address, "-v", "-Q", String(STEADY_QUERIES_PER_SECOND)));
      const metrics = { ...best.get(name), p50Ms: rounded(median(latencies)), p99Ms: rounded(percentile(latencies, 99)) };
      contenders.push({ name, metrics });
    }
    return contenders;
  },
};

function writeNames(folder: string): string {
  const names = Array.from({ length: NAMES }, (_, index) => `service${index}`);
  writeFileSync(join(folder, "hosts"), names.map((name, index) => `10.83.1.${index + 2} ${name}\n`).join(""));
  const queries = join(folder, "queries");
  writeFileSync(queries, names.map((name) => `${name} A\n`).join(""));
  return queries;
}

function answered(text: string): string {
  if (!/NOERROR \d+ \(100\.00%\)/.test(text)) throw new Error(`not every query was answered: ${text.slice(-400)}`);
  return text;
}

/** `> NOERROR service1 A 0.000123`, a line for every answer. */
const latenciesMs = (text: string): number[] =>
  [...text.matchAll(/^> NOERROR .* ([\d.]+)$/gm)].map(([, seconds]) => Number(seconds) * 1000);
