import { parseEnvironment } from "./environment.ts";
import { errorFields, logToStderr } from "./log.ts";
import { runGateway } from "./run-gateway.ts";

const stop = new AbortController();
for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => stop.abort());

try {
  await runGateway(parseEnvironment(process.env), logToStderr, stop.signal);
  process.exit(0);
} catch (error) {
  logToStderr("error", "the gateway cannot go on", errorFields(error));
  process.exit(1);
}
