import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureNatsServer } from "./nats-server.mjs";
import { ensureNpmPackages } from "./npm-packages.mjs";
import { checkPinnedNode } from "./pinned-node.mjs";
import { Progress } from "./progress.mjs";
import { SetupError } from "./setup-error.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const progress = new Progress({ quiet: process.argv.includes("--quiet") });
const interrupted = new AbortController();
process.once("SIGINT", () => interrupted.abort(new Error("interrupted")));

try {
  await ensureNpmPackages(root, progress);
  await checkPinnedNode(root, progress);
  await ensureNatsServer(root, progress, interrupted.signal);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`setup: ${error.message} [${error.code}]\n  ${error.remedy}\n`);
  process.exitCode = 1;
}
