import { isBuiltin } from "node:module";
import type { ImportKind, Plugin } from "esbuild";

const STATIC: ImportKind[] = ["import-statement"];
/** What CommonJS packages (`ws`, the NATS client) require at their start, for a case that may never come. */
const SELDOM_USED = /^(node:)?(https|tls|zlib)$/;

/**
 * Takes Node's own modules by `process.getBuiltinModule`, where they are used. A bundle's `import` of one loads it at the start, whichever
 * part needs it, and reads every export: `node:http` then loads its WebSocket client (undici), which costs 30 ms and 3 MB in every process.
 */
export const builtinModules: Plugin = {
  name: "builtin-modules",
  setup(build) {
    build.onResolve({ filter: /^[a-z]/ }, ({ path, kind }) =>
      isBuiltin(path) ? { path, namespace: STATIC.includes(kind) ? "builtin-names" : "builtin" } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: "builtin" }, ({ path }) => ({
      contents: `module.exports = ${SELDOM_USED.test(path) ? onUse(path) : whole(path)};`,
    }));
    build.onLoad({ filter: /.*/, namespace: "builtin-names" }, ({ path }) => ({ contents: byName(path) }));
  },
};

function whole(path: string): string {
  return `process.getBuiltinModule(${JSON.stringify(path)})`;
}

/** Loaded when the first of its members is asked for. */
function onUse(path: string): string {
  return `new Proxy({}, { get: (_, name) => ${whole(path)}[name] })`;
}

/** Each export is a statement that the bundler may leave out: only what is imported is read. */
function byName(path: string): string {
  const names = Object.keys(process.getBuiltinModule(path) as object);
  const exported = names.map((name) => `export const ${name} = /* @__PURE__ */ (() => builtin.${name})();`);
  return [`const builtin = ${whole(path)};`, "export default builtin;", ...exported].join("\n");
}
