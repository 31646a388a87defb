import { readFileSync, writeFileSync } from "node:fs";
import { COMPOSE_KEYS, type ComposeKey } from "./keys.ts";

export const DOCS_PATH = new URL("../../docs/compose.md", import.meta.url);

/** docs/compose.md, from the table that the reader checks files against. */
export function composeDocs(): string {
  const enforced = COMPOSE_KEYS.filter(({ status }) => status === "enforced");
  const refused = COMPOSE_KEYS.filter(({ status }) => status === "refused");
  return `# Compose files

<!-- Written by \`node contracts/compose/write-docs.ts\` from contracts/compose/keys.ts. Do not edit. -->

Slipway reads the [Compose Specification](https://github.com/compose-spec/compose-spec) as it is, and \`x-slipway\` for what it
has no word for. **A key that is not enforced is refused**, with file, line, column and, where one is near, the key that was
meant. All mistakes of a file are reported at once.

${enforced.length} keys are enforced, ${refused.length} are known and refused (with everything under them). Other \`x-\` keys are yours
and are not read. In a path, \`*\` stands for a name and \`[]\` for an item of a list.

## Worth knowing
- Interpolation: \`$NAME\`, \`\${NAME}\`, \`\${NAME:-default}\`, \`\${NAME-default}\`, \`\${NAME:?message}\`, \`\${NAME?message}\`,
  \`\${NAME:+value}\`, \`\${NAME+value}\`, nested; \`$$\` is a dollar sign. The shell's variables win over those of the \`.env\` file
  beside the Compose file.
- Anchors, aliases and merges (\`<<\`) are YAML's. A file is one document.
- A number keeps the form it is written in where a string is wanted: \`VERSION: 1.10\` is \`1.10\`, \`MODE: 0755\` is \`0755\`.
- Durations: \`1h30m\`, \`90s\`, \`500ms\`. Sizes: \`64m\`, \`1.5gb\`, in powers of 1024.
- A service without \`networks\` is on the project's network \`default\`.

## Enforced
${table(enforced)}
## Refused
${table(refused)}`;
}

function table(keys: readonly ComposeKey[]): string {
  const rows = keys.map(
    ({ path, note }) => `| \`${path}\` | ${note.replaceAll("|", "\\|").replaceAll(/<(\w+)>/g, "‹$1›")} |`,
  );
  return `| key | note |\n|---|---|\n${rows.join("\n")}\n`;
}

if (import.meta.main) {
  writeFileSync(DOCS_PATH, composeDocs());
  process.stdout.write(`${DOCS_PATH.pathname}: ${readFileSync(DOCS_PATH, "utf8").split("\n").length} lines\n`);
}
