import type { PullProgress } from "#contracts/api.ts";
import type { Problem } from "#contracts/slipway-error.ts";
import { SlipwayError } from "#contracts/slipway-error.ts";
import { cliError } from "../errors.ts";
import { paint } from "../output/colour.ts";
import { formatBytes } from "../output/quantity.ts";
import { printJson } from "../output/table.ts";
import type { Invocation } from "../verb.ts";
import { ProgressLines } from "./progress-lines.ts";

const BAR_WIDTH = 24;

type ImageInvocation = Pick<Invocation, "api" | "terminal" | "signal" | "json">;

/** Pulls or imports an image, with a progress line a layer; prints the image's reference and digest when it is there. */
export async function followImage(
  { api, terminal, signal, json }: ImageInvocation,
  operation: "pull" | "import",
  body: object,
): Promise<void> {
  const progress = new ProgressLines(terminal);
  const request = { method: "POST" as const, path: ["images", operation], body, signal };
  for await (const step of api.lines<PullProgress>(request)) {
    if (step.phase === "failed") throw SlipwayError.fromProblem(step.problem as Problem);
    if (step.phase === "done" && step.digest === undefined) {
      printImage(terminal, json, step.image);
      return;
    }
    const text = terminal.stderr.isTTY === true ? progressBar(step, terminal.colourErrors) : step.phase;
    progress.set(step.digest ?? "", `${shortDigest(step.digest)}  ${text}`);
  }
  signal.throwIfAborted();
  throw cliError("SLIPWAY_CLI_SERVER_GONE", `the server ended the ${operation} before it was done`);
}

function printImage(terminal: Invocation["terminal"], json: boolean, image: unknown): void {
  if (json) printJson(terminal, image ?? {});
  const { reference = "", digest = "" } = (image ?? {}) as { reference?: string; digest?: string };
  if (!json) terminal.stdout.write(`${reference} ${digest}`.trim().concat("\n"));
}

/** `sha256:0123456789ab` is enough for a person. */
function shortDigest(digest: string | undefined): string {
  return (digest ?? "image").slice(0, 19).padEnd(19);
}

function progressBar({ phase, doneBytes, totalBytes }: PullProgress, colour: boolean): string {
  if (totalBytes <= 0 || phase === "done") return phase;
  const filled = Math.min(BAR_WIDTH, Math.round((BAR_WIDTH * doneBytes) / totalBytes));
  const bar = paint(colour, "cyan", "█".repeat(filled)) + paint(colour, "dim", "░".repeat(BAR_WIDTH - filled));
  return `${phase.padEnd(11)}  ${bar}  ${formatBytes(doneBytes)}/${formatBytes(totalBytes)}`;
}
