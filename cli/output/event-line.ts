import type { RecordedEvent } from "#contracts/event.ts";
import { paint } from "./colour.ts";

const TYPE_PREFIX = "dev.slipway.";
const ALARMING = /failed|oom-killed|throttled|pids-limit|unhealthy/;

/** `2026-01-31T12:00:00.000Z  instance.started  shop/web/shop-web-1  pid=4711`. */
export function formatEvent({ event }: RecordedEvent, colour: boolean): string {
  const type = event.type.startsWith(TYPE_PREFIX) ? event.type.slice(TYPE_PREFIX.length) : event.type;
  const style = ALARMING.test(type) ? "red" : "cyan";
  const data = Object.entries(event.data).map(([key, value]) => `${key}=${formatValue(value)}`);
  const parts = [
    paint(colour, "dim", event.time),
    paint(colour, style, type.padEnd(20)),
    event.subject,
    paint(colour, "dim", data.join(" ")),
  ];
  return `${parts.join("  ").trimEnd()}\n`;
}

function formatValue(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return /^[^\s"]+$/.test(text) ? text : JSON.stringify(text);
}
