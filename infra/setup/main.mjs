import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureNatsServer } from "./nats-server.mjs";
import { ensureNpmPackages } from "./npm-packages.mjs";
import { checkPinnedNode } from "./pinned-node.mjs";
import { Progress } from "./progress.mjs";
import { SetupError } from "./setup-error.mjs";
import { ensureSystemPackages } from "./system-packages.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const progress = new Progress({ quiet: process.argv.includes("--quiet") });
const DOWNLOAD_LIMIT_MS = 600_000;

try {
  await ensureNpmPackages(root, progress);
  await checkPinnedNode(root, progress);
  await ensureNatsServer(root, progress, AbortSignal.timeout(DOWNLOAD_LIMIT_MS));
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
