import { byWhom } from "./by-whom.ts";
import { exitReason } from "./exit-reason.ts";
import type { Happening, InstanceEvents } from "./instance-events.ts";
import { formatMoment, formatWait } from "./times.ts";

type Teller = (happening: Happening, context: TellerContext) => string[];

interface TellerContext {
  name: string;
  before: readonly Happening[];
  now: number;
}

const at = ({ time }: Happening, { now }: TellerContext): string => formatMoment(time, now);
const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** What each event says of the moment after it. Events that say nothing of it (`credentials.issued`) have no line. */
const TELLERS: Readonly<Record<string, Teller>> = {
  "service.waiting": (event, context) =>
    event.data["gate"] === "failed"
      ? [
          `${context.name} is not started, since ${at(event, context)}: what it depends on has failed, ${text(event.data["detail"])}.`,
        ]
      : [`${context.name} has no instance yet: since ${at(event, context)} it ${text(event.data["detail"])}.`],
  "instance.assigned": (event, context) => [
    `${context.name} is about to start: it was assigned to node ${text(event.data["node"])} at ${at(event, context)}, and its agent has not taken it up.`,
  ],
  "instance.created": (event, context) => [
    `${context.name} is starting since ${at(event, context)}: its image is being looked for, or pulled.`,
  ],
  "instance.waiting": (event, context) => [
    `${context.name} waits since ${at(event, context)} for the ${text(event.data["for"])} to be there.`,
  ],
  "instance.pulled": (event, context) => [`${context.name} is starting: its image is there since ${at(event, context)}.`],
  "instance.started": (event, context) => [`${context.name} is running since ${at(event, context)}.`],
  "instance.healthy": (event, context) => [
    `${context.name} is running since ${since("instance.started", context)}, and healthy since ${at(event, context)}.`,
  ],
  "instance.unhealthy": (event, context) => [
    `${context.name} is running since ${since("instance.started", context)}, and unhealthy since ${at(event, context)}: its health check fails.`,
    "It takes no requests and is not restarted for that; `slipway logs` has what it says.",
  ],
  "instance.stopping": (event, context) => [
    `${context.name} is being stopped since ${at(event, context)}: it was sent ${text(event.data["stopSignal"]) || "its stop signal"}.`,
  ],
  "instance.paused": (event, context) => [
    `${context.name} is paused since ${at(event, context)}: its processes stand, and it takes no requests until \`slipway unpause\`.`,
  ],
  "instance.unpaused": (event, context) => [
    `${context.name} is running since ${since("instance.started", context)}; it was paused until ${at(event, context)}.`,
  ],
  "instance.exited": (event, context) => [
    `${context.name} does not run: it ended at ${at(event, context)}, ${exitReason(event, context.before)}.`,
    ...staysDown(event, context.before),
  ],
  "instance.restarting": (event, context) => {
    const exit = context.before.findLast(({ type }) => type === "instance.exited");
    const how = exit === undefined ? "" : `, ${exitReason(exit, context.before.slice(0, context.before.indexOf(exit)))}`;
    return [
      `${context.name} is between two runs: it ended at ${at(event, context)}${how}.`,
      `Its restart policy ${policyOf(event)} starts it again after ${formatWait(Number(event.data["afterMs"] ?? 0))}${seriesOf(event)}.`,
    ];
  },
  "instance.failed": (event, context) => [
    `${context.name} could not be started at ${at(event, context)}: ${text(event.data["message"])} [${text(event.data["code"])}].`,
    ...(event.data["remedy"] ? [text(event.data["remedy"])] : []),
    "It is not tried again until it is asked for: `slipway up` or `slipway start`.",
  ],
  "instance.removed": (event, context) => [
    `${context.name} is not there any more: it was removed at ${at(event, context)}.`,
  ],
};

/** How an instance is now, from its last event that says so. */
export function tellPresent({ name, own }: InstanceEvents, now: number): string[] {
  const last = own.findLastIndex(({ type }) => type in TELLERS);
  const happening = own[last];
  if (happening === undefined) return [`Nothing is known of ${name} but its name.`];
  return TELLERS[happening.type]!(happening, { name, before: own.slice(0, last), now });
}

function since(type: string, context: TellerContext): string {
  const found = context.before.findLast((event) => event.type === type);
  return found === undefined ? "before what is remembered" : at(found, context);
}

function staysDown(exit: Happening, before: readonly Happening[]): string[] {
  const stopped = before.findLast(({ type }) => type === "instance.stopping" || type === "instance.started");
  if (stopped?.type === "instance.stopping") return [staysStopped(before)];
  const policy = policyOf(exit);
  if (policy === "") return [];
  if (policy === "no") return ["Its restart policy is `no`: it stays down."];
  const given = Number(before.findLast(({ type }) => type === "instance.restarting")?.data["series"] ?? 0);
  if (exit.data["exitCode"] === 0) return [`Its restart policy is \`${policy}\`, and this was no failure: it stays down.`];
  return [`Its restart policy \`${policy}\` has started it again ${times(given)} in a row and gives up.`];
}

function staysStopped(before: readonly Happening[]): string {
  const asked = before.findLast(({ type, data }) => type === "instance.requested" && data["operation"] === "stop");
  return `It was asked to stop${asked === undefined ? "" : byWhom(asked)}, and stays so until it is started again.`;
}

function policyOf({ data }: Happening): string {
  const restart = data["restart"] as { name?: string; maximumRetryCount?: number } | undefined;
  if (restart?.name === undefined) return "";
  return restart.maximumRetryCount === undefined ? restart.name : `${restart.name}:${restart.maximumRetryCount}`;
}

function seriesOf({ data }: Happening): string {
  const { series } = data;
  const most = (data["restart"] as { maximumRetryCount?: number } | undefined)?.maximumRetryCount;
  if (typeof series !== "number") return "";
  return most === undefined ? `, for the ${ordinal(series)} time in a row` : `, ${series} of ${most} times`;
}

const times = (count: number): string => (count === 1 ? "once" : `${count} times`);

function ordinal(count: number): string {
  const ending = count % 100 > 10 && count % 100 < 14 ? "th" : (["th", "st", "nd", "rd"][count % 10] ?? "th");
  return `${count}${ending}`;
}
