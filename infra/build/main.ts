import { join } from "node:path";
import { PACKAGE_ROOT } from "#contracts/process-entry.ts";
import { bundleAll } from "./bundle.ts";
import { placeDependentLines } from "./own-place.ts";

const bundles = await bundleAll(PACKAGE_ROOT, join(PACKAGE_ROOT, "dist"));
for (const { name, bytes, modules } of bundles) {
  process.stdout.write(`build: dist/${name}.mjs: ${modules.length} modules of ours, ${Math.round(bytes / 1000)} kB\n`);
}
const modules = [...new Set(bundles.flatMap((bundle) => bundle.modules))];
const asking = await placeDependentLines(PACKAGE_ROOT, modules);
for (const line of asking)
  process.stdout.write(`build: breaks in a bundle, use PACKAGE_ROOT of contracts/process-entry.ts: ${line}\n`);
if (asking.length > 0) process.exitCode = 1;
