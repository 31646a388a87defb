import { processTerminal } from "./output/terminal.ts";
import { runCommand } from "./run-command.ts";
import { SignalRouter } from "./signal-router.ts";

const EPIPE_EXIT_CODE = 128 + 13;

// A reader that has had enough (`slipway logs | head`) is no error of ours: end as SIGPIPE would.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? EPIPE_EXIT_CODE : 125));
}

const terminal = processTerminal(process.env);
using signals = new SignalRouter();
const exitCode = await runCommand(process.argv.slice(2), { environment: process.env, terminal, signals });
// A pipe takes what was written later than we end; and an open stdin would keep us from ending.
await Promise.all([process.stdout, process.stderr].map((stream) => new Promise((resolve) => stream.write("", resolve))));
process.exit(exitCode);
