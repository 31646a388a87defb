import { styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

/** Text in a style (an ANSI SGR sequence), where colours are on. */
export function paint(on: boolean, style: Style, text: string): string {
  return on ? styleText(style, text, { validateStream: false }) : text;
}

const PREFIX_STYLES: Style[] = [
  "cyan",
  "yellow",
  "green",
  "magenta",
  "blue",
  "cyanBright",
  "yellowBright",
  "greenBright",
  "magentaBright",
  "blueBright",
];

/** One colour a name, the same in every run. */
export function prefixStyle(name: string): Style {
  let sum = 0;
  for (const character of name) sum = (sum * 31 + character.codePointAt(0)!) % 65_521;
  return PREFIX_STYLES[sum % PREFIX_STYLES.length]!;
}
