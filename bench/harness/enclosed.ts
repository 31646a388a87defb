/** A benchmark inside its enclosure: `node enclosed.ts NAME FOLDER [--quick]`; what it measured goes to FOLDER/measured.json. */
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Bench, BenchContext, Contender } from "./bench.ts";
import { CpuMeter } from "./cpu-meter.ts";

export interface Measurement {
  contenders: Contender[];
  absent: { name: string; reason: string }[];
  notes: string[];
}

const [name = "", folder = "", quick] = process.argv.slice(2);
const run = process.env["RUN"] ?? "";
const { bench } = (await import(join(import.meta.dirname, "..", `${name}.ts`))) as { bench: Bench };
const measurement: Measurement = { contenders: [], absent: [], notes: [] };
const context: BenchContext = {
  folder,
  run,
  isQuick: quick === "--quick",
  cpu: new CpuMeter([run]),
  ownCgroup(group) {
    appendFileSync(join(folder, "cgroups"), `${group}\n`);
    context.cpu.add(group);
  },
  async peer(peer, open) {
    try {
      return await open();
    } catch (error) {
      const reason = (error instanceof Error ? error.message : String(error)).trim();
      console.log(`${peer} is left out: ${reason}`);
      measurement.absent.push({ name: peer, reason: reason.split("\n").slice(0, 3).join(" ") });
      return undefined;
    }
  },
  note: (text) => void measurement.notes.push(text),
};
measurement.contenders = await bench.measure(context);
writeFileSync(join(folder, "measured.json"), JSON.stringify(measurement));
// A peer's client may hold a socket open; the enclosure ends what is left.
process.exit(0);
