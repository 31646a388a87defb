import type { Readable, Writable } from "node:stream";

/** Where a command reads and writes. A writer is a terminal when it has a width. */
export interface Terminal {
  stdin: Readable;
  stdout: Writable & { columns?: number; isTTY?: boolean };
  stderr: Writable & { columns?: number; isTTY?: boolean };
  /** Colours on stdout; and on stderr. */
  colour: boolean;
  colourErrors: boolean;
}

/** This process's own streams. Colours only on a terminal, and not with NO_COLOR (no-color.org) or TERM=dumb. */
export function processTerminal(environment: Readonly<Record<string, string | undefined>>): Terminal {
  const wanted = (environment.NO_COLOR ?? "") === "" && environment.TERM !== "dumb";
  const { stdin, stdout, stderr } = process;
  return { stdin, stdout, stderr, colour: wanted && stdout.isTTY, colourErrors: wanted && stderr.isTTY };
}

/** Writes and waits until there is room for more, so that a slow reader slows us and memory does not grow. */
export async function write(stream: Writable, text: string | Uint8Array): Promise<void> {
  if (stream.write(text)) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      stream.off("drain", done);
      stream.off("close", done);
      resolve();
    };
    stream.once("drain", done);
    stream.once("close", done);
  });
}
