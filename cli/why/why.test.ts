import { expect, test } from "vitest";
import type { RecordedEvent } from "#contracts/event.ts";
import { tellHistory } from "./history.ts";
import { instancesNamed } from "./instance-events.ts";
import { tellPresent } from "./present.ts";

const NOON = Date.parse("2026-01-31T12:00:00Z");
const SUBJECT = "shop/web/shop-web-1";
type Line = [seconds: number, type: string, data?: Record<string, unknown>, subject?: string];

/** A recorded stream: seconds after noon, type, data, subject. */
function stream(lines: readonly Line[]): RecordedEvent[] {
  return lines.map(([seconds, type, data = {}, subject = SUBJECT], index) => ({
    cursor: index + 1,
    event: {
      specversion: "1.0",
      id: String(index),
      source: "/test",
      type: `dev.slipway.${type}`,
      subject,
      time: new Date(NOON + seconds * 1_000).toISOString(),
      datacontenttype: "application/json",
      data: type.startsWith("instance.") ? { instanceId: "0123456789ab", ...data } : data,
    },
  }));
}

/** The sentences a minute after noon, moments as seconds after it. */
function told(lines: readonly Line[], name = "web"): string[] {
  const now = NOON + 60_000;
  const [found] = instancesNamed(name, undefined, stream(lines));
  const sentences = found === undefined ? [] : [...tellPresent(found, now), ...tellHistory(found, now)];
  return sentences.map((sentence) => sentence.replaceAll(/\d\d:\d\d:(\d\d) \([^)]*\)/g, "$1 s"));
}

const changes = (action: string) => ({ generation: 4, changes: [{ service: "web", action }] });
const policy = { name: "on-failure", maximumRetryCount: 5 };
const begun: Line[] = [
  [0, "project.applied", changes("create"), "shop"],
  [1, "instance.assigned", { node: "n1", revision: "3f2a00009999" }],
  [2, "instance.created"],
];
const running: Line[] = [...begun, [3, "instance.started", { pid: 7 }]];
const asked =
  "It was asked for at 01 s, in revision 3f2a0000, for project shop was applied (generation 4), which added the service.";

test.each<[string, Line[], string[]]>([
  ["runs", running, ["shop-web-1 is running since 03 s.", asked]],
  [
    "is healthy",
    [...running, [5, "instance.healthy"]],
    ["shop-web-1 is running since 03 s, and healthy since 05 s.", asked],
  ],
  [
    "is unhealthy",
    [...running, [5, "instance.unhealthy"]],
    [
      "shop-web-1 is running since 03 s, and unhealthy since 05 s: its health check fails.",
      "It takes no requests and is not restarted for that; `slipway logs` has what it says.",
      asked,
    ],
  ],
  ["is being pulled", begun, ["shop-web-1 is starting since 02 s: its image is being looked for, or pulled.", asked]],
  [
    "waits for a supervisor",
    [...begun, [3, "instance.waiting", { for: "supervisor" }]],
    ["shop-web-1 waits since 03 s for the supervisor to be there.", asked],
  ],
  [
    "cannot be started",
    [
      ...begun,
      [3, "instance.failed", { code: "SLIPWAY_IMAGE_NOT_FOUND", message: "there is no image x", remedy: "Pull it." }],
    ],
    [
      "shop-web-1 could not be started at 03 s: there is no image x [SLIPWAY_IMAGE_NOT_FOUND].",
      "Pull it.",
      "It is not tried again until it is asked for: `slipway up` or `slipway start`.",
      asked,
    ],
  ],
  [
    "waits for its next run after running out of memory",
    [
      ...running,
      [8, "instance.oom-killed", { exitCode: 137, memoryBytes: 64_000_000 }],
      [8, "instance.exited", { exitCode: 137, oomKilled: true, restart: policy }],
      [8, "instance.restarting", { afterMs: 200, series: 2, restart: policy }],
    ],
    [
      "shop-web-1 is between two runs: it ended at 08 s, killed for using more than its 64.0MB of memory (exit code 137).",
      "Its restart policy on-failure:5 starts it again after 200 ms, 2 of 5 times.",
      asked,
    ],
  ],
  [
    "has been given up",
    [
      ...running,
      [4, "instance.exited", { exitCode: 3, restart: policy }],
      [4, "instance.restarting", { afterMs: 100, series: 5, restart: policy }],
      [5, "instance.started"],
      [6, "instance.exited", { exitCode: 3, restart: policy }],
    ],
    [
      "shop-web-1 does not run: it ended at 06 s, with exit code 3.",
      "Its restart policy `on-failure:5` has started it again 5 times in a row and gives up.",
      asked,
      "An earlier run of it ended at 04 s, with exit code 3.",
    ],
  ],
  [
    "runs again after ends that were alike",
    [
      ...running,
      [4, "instance.exited", { exitCode: 139 }],
      [5, "instance.started"],
      [6, "instance.exited", { exitCode: 139 }],
      [7, "instance.started"],
    ],
    [
      "shop-web-1 is running since 07 s.",
      asked,
      "2 earlier runs of it ended by SIGSEGV (exit code 139), the last at 06 s.",
    ],
  ],
  [
    "was stopped, and had to be killed",
    [
      ...running,
      [10, "instance.stopping", { stopSignal: "SIGTERM", graceMs: 10_000 }],
      [20, "instance.exited", { exitCode: 137, restart: { name: "always" } }],
    ],
    [
      "shop-web-1 does not run: it ended at 20 s, killed, since it did not end within 10 s after SIGTERM (exit code 137).",
      "It was asked to stop, and stays so until it is started again.",
      asked,
    ],
  ],
  [
    "was stopped by somebody",
    [
      ...running,
      [9, "instance.requested", { operation: "stop", by: "uid 0 (by sudo of uid 1000)" }],
      [10, "instance.stopping", { stopSignal: "SIGTERM", graceMs: 10_000 }],
      [11, "instance.exited", { exitCode: 143, restart: { name: "always" } }],
    ],
    [
      "shop-web-1 does not run: it ended at 11 s, after SIGTERM, with exit code 143.",
      "It was asked to stop by uid 0 (by sudo of uid 1000), and stays so until it is started again.",
      asked,
    ],
  ],
  [
    "completed",
    [...running, [4, "instance.exited", { exitCode: 0, restart: policy }]],
    [
      "shop-web-1 does not run: it ended at 04 s, by itself, with exit code 0.",
      "Its restart policy is `on-failure:5`, and this was no failure: it stays down.",
      asked,
    ],
  ],
  ["is gone", [...running, [9, "instance.removed"]], ["shop-web-1 is not there any more: it was removed at 09 s.", asked]],
  [
    "is on a node that is away",
    [...running, [30, "node.stopped", {}, "n1"]],
    ["shop-web-1 is running since 03 s.", asked, "Its node n1 is away since 30 s: what happened since is not known here."],
  ],
])("an instance that %s", (_state, lines, sentences) => {
  expect(told(lines)).toEqual(sentences);
});

const byRoot = { generation: 4, changes: [{ service: "web", action: "create" }], by: "uid 0" };

test.each<[string, Line[], string[]]>([
  [
    "waits for another",
    [
      [0, "project.applied", byRoot, "shop"],
      [1, "service.waiting", { gate: "waiting", detail: "waits for db to be healthy" }, "shop/web"],
    ],
    ["shop/web has no instance yet: since 01 s it waits for db to be healthy."],
  ],
  [
    "cannot start, since what it depends on has failed",
    [
      [1, "service.waiting", { gate: "waiting", detail: "waits for db to start" }, "shop/web"],
      [2, "service.waiting", { gate: "failed", detail: "shop-db-1 ended with exit code 3" }, "shop/web"],
    ],
    ["shop/web is not started, since 02 s: what it depends on has failed, shop-db-1 ended with exit code 3."],
  ],
  [
    "waited and then started",
    [
      [0, "project.applied", byRoot, "shop"],
      [0, "service.waiting", { gate: "waiting", detail: "waits for db to start" }, "shop/web"],
      [1, "instance.assigned", { node: "n1", revision: "3f2a00009999" }],
      [3, "instance.started"],
    ],
    [
      "shop-web-1 is running since 03 s.",
      "It was asked for at 01 s, in revision 3f2a0000, for project shop was applied by uid 0 (generation 4), which added the service.",
    ],
  ],
  [
    "waited in a project that is gone",
    [
      [0, "service.waiting", { gate: "waiting", detail: "waits for db to start" }, "shop/web"],
      [1, "project.removed", {}, "shop"],
    ],
    [],
  ],
])("a service that %s", (_state, lines, sentences) => {
  expect(told(lines)).toEqual(sentences);
  expect(told(lines, "shop-web-1")).toEqual(sentences);
});

test("a replaced instance that is still being stopped is not taken for its successor of the same name", () => {
  const lines: Line[] = [
    ...running,
    [10, "project.applied", changes("replace"), "shop"],
    [11, "instance.assigned", { instanceId: "ffffffffffff", node: "n1", revision: "91bc00000000" }],
    [12, "instance.started", { instanceId: "ffffffffffff" }],
    [13, "instance.stopping", { stopSignal: "SIGTERM" }],
  ];
  expect(told(lines)).toEqual([
    "shop-web-1 is running since 12 s.",
    "It was asked for at 11 s, in revision 91bc0000, for project shop was applied (generation 4), which changed the service: this instance replaced one of the former revision.",
  ]);
});

test("an instance is found by name, by id and by service, and nobody else's events are told", () => {
  const other: Line[] = [[1, "instance.failed", { instanceId: "bbbbbbbbbbbb", message: "no" }, "shop/db/shop-db-1"]];
  for (const name of ["shop-web-1", "web", "shop/web", "0123"]) {
    expect(told([...running, ...other], name)[0]).toBe("shop-web-1 is running since 03 s.");
  }
  expect(told(running, "nobody")).toEqual([]);
});
