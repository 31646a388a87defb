import { styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

/** A step that begins. */
export function step(title: string): void {
  process.stdout.write(`\n${paint(["bold", "cyan"], "▸")} ${paint("bold", title)}\n`);
}

/** What a step printed, set in. */
export function say(content: string): void {
  process.stdout.write(`${content.trimEnd().replaceAll(/^/gm, "  ")}\n`);
}

function paint(style: Style, content: string): string {
  return process.stdout.isTTY && (process.env.NO_COLOR ?? "") === "" ? styleText(style, content) : content;
}
