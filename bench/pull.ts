import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Bench, OURS } from "./harness/bench.ts";
import { contest } from "./harness/contest.ts";
import { run } from "./peers/command.ts";
import { publishBusybox } from "./peers/image.ts";
import { startPlatform } from "./peers/platform.ts";
import { configurePodman } from "./peers/podman.ts";

const ROUNDS = 5;
/** 200 MB in four layers: two of few large files, two of many small ones. */
const LAYERS = [
  { files: 12, bytesEach: 5_000_000 },
  { files: 12, bytesEach: 5_000_000 },
  { files: 1_000, bytesEach: 40_000 },
  { files: 1_000, bytesEach: 40_000 },
];

export const bench: Bench = {
  title: "Pull and unpack of a 200 MB image",
  method:
    "From a registry on 127.0.0.1, five gzip layers, into an empty store. skopeo copies into an OCI layout and umoci unpacks it.",
  targets: [
    { kind: "advantage", metric: "p50Ms", over: "podman", atLeast: 1 },
    { kind: "advantage", metric: "p50Ms", over: "skopeo + umoci", atLeast: 1 },
  ],
  async measure(context) {
    await using stack = new AsyncDisposableStack();
    const { reference } = stack.use(await publishBusybox(context.folder, { layers: LAYERS }));
    const platform = stack.use(await startPlatform(context));
    const podman = configurePodman(context);
    const place = join(context.folder, "umoci");
    return await contest(
      context,
      [
        {
          name: OURS,
          once: async () => void (await platform.cli("image", "pull", reference)),
          afterwards: async () => void (await platform.cli("image", "rm", reference)),
        },
        {
          name: "podman",
          once: async () => void (await podman.cli("pull", reference)),
          afterwards: async () => void (await podman.cli("rmi", reference)),
        },
        {
          name: "skopeo + umoci",
          async once() {
            mkdirSync(place);
            const layout = join(place, "layout");
            await run("skopeo", [
              "copy",
              "--insecure-policy",
              "--src-tls-verify=false",
              `docker://${reference}`,
              `oci:${layout}:1`,
            ]);
            await run("umoci", ["unpack", "--image", `${layout}:1`, join(place, "bundle")]);
          },
          afterwards: () => rmSync(place, { recursive: true }),
        },
      ],
      { rounds: ROUNDS, warmUp: 1 },
    );
  },
};
