import { join } from "node:path";
import { PACKAGE_ROOT } from "#contracts/process-entry.ts";
import { type Bench, OURS } from "./harness/bench.ts";
import { contest, type Contestant } from "./harness/contest.ts";
import { writeDockerShop } from "./compose/docker-shop.ts";
import { startDocker } from "./peers/docker.ts";
import { run } from "./peers/command.ts";
import { startPlatform } from "./peers/platform.ts";
import { COMPOSE } from "./peers/set-up.ts";

const ROUNDS = 5;

export const bench: Bench = {
  title: "`up --wait` of the shop with its health checks, and `down`",
  method:
    "examples/shop (three services, health checks every 200 ms, one waits for two). Beside docker compose v2 on dockerd with the same programs, bound from the host, " +
    "and nats-server as a fourth service, since there no platform brings it.",
  targets: [
    { kind: "advantage", metric: "upP50Ms", over: "docker compose", atLeast: 8 },
    { kind: "advantage", metric: "downP50Ms", over: "docker compose", atLeast: 8 },
  ],
  async measure(context) {
    await using stack = new AsyncDisposableStack();
    const platform = stack.use(await startPlatform(context));
    const file = join(PACKAGE_ROOT, "examples/shop/compose.yaml");
    const ours: UpAndDown = {
      name: OURS,
      up: () => platform.cli("up", "-d", "--wait", "-f", file),
      down: () => platform.cli("down", "-v", "-f", file),
    };
    const theirs = await context.peer("docker compose", async (): Promise<UpAndDown> => {
      const docker = stack.use(await startDocker(context));
      const shop = await writeDockerShop(context.folder, docker);
      const compose = (...args: string[]): Promise<string> => run(COMPOSE, ["-f", shop, ...args], { env: docker.env });
      return { name: "docker compose", up: () => compose("up", "-d", "--wait"), down: () => compose("down", "-v") };
    });
    const pairs = [ours, ...(theirs === undefined ? [] : [theirs])];
    const results = await contest(context, pairs.flatMap(turns), { rounds: ROUNDS, warmUp: 1 });
    return pairs.map(({ name }) => {
      const of = (verb: string): Record<string, number> =>
        results.find((one) => one.name === `${name} ${verb}`)?.metrics ?? {};
      const [up, down] = [of("up"), of("down")];
      const metrics = {
        upP50Ms: up["p50Ms"],
        upP99Ms: up["p99Ms"],
        upCpuMs: up["cpuMs"],
        downP50Ms: down["p50Ms"],
        downP99Ms: down["p99Ms"],
        downCpuMs: down["cpuMs"],
      };
      return {
        name,
        metrics: Object.fromEntries(Object.entries(metrics).filter((one): one is [string, number] => one[1] !== undefined)),
      };
    });
  },
};

interface UpAndDown {
  name: string;
  up: () => Promise<unknown>;
  down: () => Promise<unknown>;
}

const turns = ({ name, up, down }: UpAndDown): Contestant[] => [
  { name: `${name} up`, once: async () => void (await up()) },
  { name: `${name} down`, once: async () => void (await down()) },
];
