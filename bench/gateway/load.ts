import { execFileSync } from "node:child_process";

/** A load generator on one core, HTTPS with kept connections. */
export interface Load {
  protocol: "HTTP/1.1" | "HTTP/2";
  run(port: number, seconds: number): { requestsPerSecond: number; p50Ms: number | null; p99Ms: number | null };
}

/** 32 connections, one request at a time on each. */
export const wrk: Load = {
  protocol: "HTTP/1.1",
  run(port, duration) {
    const text = onCpu(1, "wrk", "-t1", "-c32", `-d${duration}s`, "--latency", `https://localhost:${port}/`);
    if (/Non-2xx/.test(text)) throw new Error(`not every answer was 200: ${text}`);
    return {
      requestsPerSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]),
      p50Ms: milliseconds(/\s50%\s+(\S+)/.exec(text)?.[1]),
      p99Ms: milliseconds(/\s99%\s+(\S+)/.exec(text)?.[1]),
    };
  },
};

/** 8 connections, 8 streams at a time on each. It does not print percentiles. */
export const h2load: Load = {
  protocol: "HTTP/2",
  run(port, duration) {
    const text = onCpu(1, "h2load", "-t1", "-c8", "-m8", "-D", String(duration), `https://localhost:${port}/`);
    if (!/ 0 failed, 0 errored/.test(text)) throw new Error(`not every request succeeded: ${text}`);
    return { requestsPerSecond: Number(/, ([\d.]+) req\/s/.exec(text)?.[1]), p50Ms: null, p99Ms: null };
  },
};

function milliseconds(text: string | undefined): number | null {
  const [, value, unit] = /^([\d.]+)(us|ms|s)$/.exec(text ?? "") ?? [];
  return value === undefined ? null : Number(value) * ({ us: 0.001, ms: 1, s: 1000 }[unit ?? ""] ?? Number.NaN);
}

/** Runs a command on one CPU to its end, and returns what it printed. */
export function onCpu(cpu: number, command: string, ...args: string[]): string {
  return execFileSync("taskset", ["-c", String(cpu), command, ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
}
