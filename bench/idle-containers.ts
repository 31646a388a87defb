import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Bench, type Contender, OURS } from "./harness/bench.ts";
import { pssKb, processesNamed } from "./harness/memory.ts";
import { rounded } from "./harness/quantiles.ts";
import { startDocker } from "./peers/docker.ts";
import { publishBusybox } from "./peers/image.ts";
import { startPlatform } from "./peers/platform.ts";
import { configurePodman } from "./peers/podman.ts";

const OURS_COUNT = 300;
const PEER_COUNT = 20;
const QUICK_COUNT = 20;
/** Idle is not busy with having started 300: by then a process that has nothing to do has collected its garbage. */
const SETTLE_SECONDS = 20;

export const bench: Bench = {
  title: "Memory of an idle container beside its own process",
  method: `${OURS_COUNT} containers of ours that sleep: what the platform's processes grew by (PSS), ${SETTLE_SECONDS} s after they were up, by container. Of ${PEER_COUNT} under podman and docker: the PSS of conmon, of containerd-shim and docker-proxy.`,
  targets: [{ kind: "limit", metric: "memoryMb", atMost: 0.2 }],
  async measure(context) {
    await using stack = new AsyncDisposableStack();
    const { reference } = stack.use(await publishBusybox(context.folder));
    const [mine, others] = context.isQuick ? [QUICK_COUNT, 3] : [OURS_COUNT, PEER_COUNT];
    const platform = stack.use(await startPlatform(context));
    await platform.cli("image", "pull", reference);
    await platform.cli("run", "--rm", reference, "true");
    await delay(SETTLE_SECONDS * 1000);
    const file = writeCompose(context.folder, reference, mine);
    const before = platform.pids().map(pssKb);
    const begin = performance.now();
    await platform.cli("up", "-d", "--wait", "-f", file);
    const upSeconds = (performance.now() - begin) / 1000;
    await delay(SETTLE_SECONDS * 1000);
    const after = platform.pids().map(pssKb);
    const grown = after.map((kb, index) => kb - (before[index] ?? 0));
    context.note(
      `grown by process, in kB (server, then nats-server, control, agent, gateway): ${grown.join(", ")}; all ${mine} were up in ${rounded(upSeconds)} s.`,
    );
    const sum = grown.reduce((total, kb) => total + kb, 0);
    await platform.cli("down", "-f", file);
    const ours: Contender = { name: OURS, metrics: { memoryMb: rounded(sum / mine / 1024), containers: mine } };
    const podman = await context.peer("conmon", async (): Promise<Contender> => {
      const one = configurePodman(context);
      await one.cli("pull", reference);
      for (let index = 0; index < others; index++) await one.cli("run", "-d", reference, "sleep", "600");
      return shimMemory("conmon", ["conmon"], others);
    });
    const docker = await context.peer("containerd-shim", async (): Promise<Contender> => {
      const one = stack.use(await startDocker(context));
      await one.cli("pull", reference);
      for (let index = 0; index < others; index++) await one.cli("run", "-d", reference, "sleep", "600");
      return shimMemory("containerd-shim", ["containerd-shim", "docker-proxy"], others);
    });
    return [ours, podman, docker].filter((one): one is Contender => one !== undefined);
  },
};

function shimMemory(name: string, programs: readonly string[], containers: number): Contender {
  const kb = processesNamed(...programs)
    .map(pssKb)
    .reduce((total, one) => total + one, 0);
  return { name, metrics: { memoryMb: rounded(kb / containers / 1024), containers } };
}

/** A network has 253 addresses: the containers are on two. */
function writeCompose(folder: string, image: string, count: number): string {
  const half = Math.ceil(count / 2);
  const service = (replicas: number, network: string): object => ({
    image,
    command: ["sleep", "600"],
    init: true,
    networks: [network],
    deploy: { replicas },
    stop_grace_period: "1s",
  });
  const project = {
    name: "idle",
    services: { a: service(half, "one"), b: service(count - half, "two") },
    networks: { one: {}, two: {} },
  };
  const place = join(folder, "idle");
  mkdirSync(place);
  writeFileSync(join(place, "compose.yaml"), JSON.stringify(project));
  return join(place, "compose.yaml");
}
