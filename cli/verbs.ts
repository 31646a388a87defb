import type { Verb } from "./verb.ts";

/** A verb by its name; its module is loaded when it is called. */
export interface VerbEntry {
  name: string;
  load(): Promise<Verb>;
  /** For programs: help does not list it. */
  hidden?: boolean;
}

const verb = (name: string, load: () => Promise<Verb>): VerbEntry => ({ name, load });

/** All verbs, in the order of help. */
export const VERBS: readonly VerbEntry[] = [
  verb("server", async () => (await import("./verbs/server.ts")).server),
  verb("install", async () => (await import("./verbs/install.ts")).install),
  verb("uninstall", async () => (await import("./verbs/uninstall.ts")).uninstall),
  verb("up", async () => (await import("./verbs/up.ts")).up),
  verb("down", async () => (await import("./verbs/down.ts")).down),
  verb("run", async () => (await import("./verbs/run.ts")).run),
  verb("exec", async () => (await import("./verbs/exec.ts")).exec),
  verb("ps", async () => (await import("./verbs/ps.ts")).ps),
  verb("logs", async () => (await import("./verbs/logs.ts")).logs),
  verb("events", async () => (await import("./verbs/events.ts")).events),
  verb("inspect", async () => (await import("./verbs/inspect.ts")).inspect),
  verb("stop", async () => (await import("./verbs/stop.ts")).stop),
  verb("start", async () => (await import("./verbs/start.ts")).start),
  verb("restart", async () => (await import("./verbs/restart.ts")).restart),
  verb("pause", async () => (await import("./verbs/pause.ts")).pause),
  verb("unpause", async () => (await import("./verbs/unpause.ts")).unpause),
  verb("rm", async () => (await import("./verbs/rm.ts")).rm),
  verb("image pull", async () => (await import("./verbs/image-pull.ts")).imagePull),
  verb("image import", async () => (await import("./verbs/image-import.ts")).imageImport),
  verb("image ls", async () => (await import("./verbs/image-ls.ts")).imageLs),
  verb("image rm", async () => (await import("./verbs/image-rm.ts")).imageRm),
  verb("volume ls", async () => (await import("./verbs/volume-ls.ts")).volumeLs),
  verb("volume inspect", async () => (await import("./verbs/volume-inspect.ts")).volumeInspect),
  verb("volume rm", async () => (await import("./verbs/volume-rm.ts")).volumeRm),
  verb("network ls", async () => (await import("./verbs/network-ls.ts")).networkLs),
  verb("network inspect", async () => (await import("./verbs/network-inspect.ts")).networkInspect),
  verb("why", async () => (await import("./verbs/why.ts")).why),
  verb("trace ls", async () => (await import("./verbs/trace-ls.ts")).traceLs),
  verb("trace show", async () => (await import("./verbs/trace-show.ts")).traceShow),
  verb("ca show", async () => (await import("./verbs/ca-show.ts")).caShow),
  verb("doctor", async () => (await import("./verbs/doctor.ts")).doctor),
  verb("version", async () => (await import("./verbs/version.ts")).version),
  verb("completion", async () => (await import("./verbs/completion.ts")).completion),
  verb("help", async () => (await import("./verbs/help.ts")).help),
  { ...verb("__complete", async () => (await import("./verbs/complete.ts")).complete), hidden: true },
];

/** Those that help lists. */
export const loadAll = (): Promise<Verb[]> =>
  Promise.all(VERBS.filter(({ hidden }) => hidden !== true).map((entry) => entry.load()));
