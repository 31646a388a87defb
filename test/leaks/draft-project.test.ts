import { expect, test } from "vitest";
import { parseComposeFile } from "#contracts/compose/parse-compose-file.ts";
import { draftProject } from "./draft-project.ts";
import { FAILURES, FEATURES } from "./features.ts";
import { SeededRandom } from "./seeded-random.ts";

const DRAFTS = 1000;
const surroundings = { images: ["host", "leaks/busybox:1"], folder: "/srv", takenPort: 443 } as const;
const draft = (life: number) => draftProject(SeededRandom.of(7, life), surroundings);

test("every drawn project is one that the parser takes, and together they have every feature and every failure", () => {
  const seen = new Set<string>();
  for (let life = 0; life < DRAFTS; life++) {
    const { compose, features } = draft(life);
    parseComposeFile({ text: JSON.stringify(compose), projectName: "drawn", environment: {}, directory: "/" });
    for (const feature of features) seen.add(feature);
  }
  expect([...seen].toSorted()).toEqual([...Object.keys(FEATURES), ...Object.keys(FAILURES)].toSorted());
});

test("the same seed draws the same, another one something else", () => {
  expect(draft(3)).toEqual(draft(3));
  expect(draft(3)).not.toEqual(draft(4));
});
