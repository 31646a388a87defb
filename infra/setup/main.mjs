import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureNatsServer } from "./nats-server.mjs";
import { ensureNpmPackages } from "./npm-packages.mjs";
import { checkPinnedNode } from "./pinned-node.mjs";
import { Progress } from "./progress.mjs";
import { SetupError } from "./setup-error.mjs";
import { ensureSystemPackages, requireSystemPackages } from "./system-packages.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const progress = new Progress({ quiet: process.argv.includes("--quiet") });
const interrupted = new AbortController();
process.once("SIGINT", () => interrupted.abort(new Error("interrupted")));

try {
  await ensureNpmPackages(root, progress);
  await checkPinnedNode(root, progress);
  requireSystemPackages(await ensureSystemPackages(join(root, "infra/setup/system-packages.txt"), progress));
  await ensureNatsServer(root, progress, interrupted.signal);
  if (process.argv.includes("--for-tests")) await ensureTestPackages();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`setup: ${error.message} [${error.code}]\n  ${error.remedy}\n`);
  process.exitCode = 1;
}

async function ensureTestPackages() {
  const missing = await ensureSystemPackages(join(root, "infra/ci/packages.txt"), progress);
  if (missing.length === 0) return;
  const names = missing.map(({ name }) => name).join(" ");
  progress.doing(`tests that need ${names} will be skipped: install them with \`apt-get install ${names}\``);
}
