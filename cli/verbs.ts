import type { Verb } from "./verb.ts";
import { caShow } from "./verbs/ca-show.ts";
import { doctor } from "./verbs/doctor.ts";
import { down } from "./verbs/down.ts";
import { events } from "./verbs/events.ts";
import { exec } from "./verbs/exec.ts";
import { helpVerb } from "./verbs/help.ts";
import { imageImport } from "./verbs/image-import.ts";
import { imageLs } from "./verbs/image-ls.ts";
import { imagePull } from "./verbs/image-pull.ts";
import { imageRm } from "./verbs/image-rm.ts";
import { inspect } from "./verbs/inspect.ts";
import { logs } from "./verbs/logs.ts";
import { networkInspect } from "./verbs/network-inspect.ts";
import { networkLs } from "./verbs/network-ls.ts";
import { ps } from "./verbs/ps.ts";
import { restart } from "./verbs/restart.ts";
import { rm } from "./verbs/rm.ts";
import { run } from "./verbs/run.ts";
import { server } from "./verbs/server.ts";
import { start } from "./verbs/start.ts";
import { stop } from "./verbs/stop.ts";
import { up } from "./verbs/up.ts";
import { version } from "./verbs/version.ts";
import { volumeInspect } from "./verbs/volume-inspect.ts";
import { volumeLs } from "./verbs/volume-ls.ts";
import { volumeRm } from "./verbs/volume-rm.ts";

/** All verbs, in the order of help. */
export const VERBS: readonly Verb[] = [
  server,
  up,
  down,
  run,
  exec,
  ps,
  logs,
  events,
  inspect,
  stop,
  start,
  restart,
  rm,
  imagePull,
  imageImport,
  imageLs,
  imageRm,
  volumeLs,
  volumeInspect,
  volumeRm,
  networkLs,
  networkInspect,
  caShow,
  doctor,
  version,
  helpVerb(() => VERBS),
];
