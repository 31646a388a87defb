import { type Bench, OURS } from "./harness/bench.ts";
import { contest } from "./harness/contest.ts";
import { startDocker } from "./peers/docker.ts";
import { publishBusybox } from "./peers/image.ts";
import { startPlatform } from "./peers/platform.ts";
import { configurePodman } from "./peers/podman.ts";

const ROUNDS = 25;

export const bench: Bench = {
  title: "`run --rm` with a bridge network, as a whole process",
  method:
    "`/bin/true` of busybox from the start of the command line program to its end, with everything behind it: image present, bridge network, removal.",
  targets: [
    { kind: "advantage", metric: "p50Ms", over: "podman", atLeast: 4 },
    { kind: "advantage", metric: "p50Ms", over: "docker", atLeast: 4 },
  ],
  async measure(context) {
    await using stack = new AsyncDisposableStack();
    const { reference } = stack.use(await publishBusybox(context.folder));
    const platform = stack.use(await startPlatform(context));
    await platform.cli("image", "pull", reference);
    const podman = await context.peer("podman", async () => {
      const one = configurePodman(context);
      await one.cli("pull", reference);
      return one;
    });
    const docker = await context.peer("docker", async () => {
      const one = stack.use(await startDocker(context));
      await one.cli("pull", reference);
      return one;
    });
    const command = ["run", "--rm", reference, "true"] as const;
    const clients = [
      { name: OURS, cli: platform.cli },
      { name: "podman", cli: podman?.cli },
      { name: "docker", cli: docker?.cli },
    ];
    const present = clients.flatMap(({ name, cli }) =>
      cli === undefined ? [] : [{ name, once: async () => void (await cli(...command)) }],
    );
    return await contest(context, present, { rounds: ROUNDS });
  },
};
