const NODE_OPTIONS = "--max-semi-space-size=4 --expose-gc";
const GO = { GOGC: "50" };
const MALLOC = {
  MALLOC_ARENA_MAX: "2",
  MALLOC_MMAP_THRESHOLD_: String(1024 * 1024),
  MALLOC_TRIM_THRESHOLD_: String(2 * 1024 * 1024),
};

/**
 * The environment of the supervisor and so of all its processes, with what keeps their memory small. By environment and not as arguments, since processes are
 * known by their command line. What the user set wins.
 *
 * Semi-spaces of 4 MB, not of 16 (V8's default on machines with memory): what a burst of starts allocates dies young, but V8 keeps the room that it took.
 * After 120 starts the agent had grown by 34 MB, not by 97, and control by 20, not by 52. And a collector that can be called: `collectWhenQuiet`.
 *
 * Two of malloc's arenas, not eight a processor (mallopt(3), M_ARENA_MAX): each of libuv's 16 threads takes one of its own, and a free piece in one serves no
 * other. And what is free at an arena's end goes back from 2 MB on, what is larger than 1 MB at once, however large a piece was freed before: by itself, malloc
 * raises both thresholds to 64 and 32 MB with that (M_TRIM_THRESHOLD, M_MMAP_THRESHOLD). Lower ones cost page faults: with 128 kB each start cost control 200,
 * not 30. At 8 starts at once the agent had 66 MB after 1,600 and went on growing, and control 80; with two arenas 48 and 69.
 *
 * nats-server collects when its heap has grown by half, not when it has doubled. That takes no more processor time that could be measured.
 */
export function memoryEnvironment(given: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const options = given["NODE_OPTIONS"];
  return {
    ...GO,
    ...MALLOC,
    ...given,
    NODE_OPTIONS: options === undefined || options === "" ? NODE_OPTIONS : `${NODE_OPTIONS} ${options}`,
  };
}
