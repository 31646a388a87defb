import { resolve } from "node:path";
import { followImage } from "../follow/image.ts";
import { defineVerb } from "../verb.ts";

export const imageImport = defineVerb({
  name: "image import",
  operands: "PATH",
  minimumOperands: 1,
  maximumOperands: 1,
  summary: "import an image: an OCI layout (a folder or tar archive) or a `docker save` archive",
  traced: "told",
  flags: {
    reference: { type: "string", short: "r", value: "REFERENCE", help: "the name to give it; its own when absent" },
  },
  run(invocation) {
    const path = resolve(invocation.operands[0]!);
    const { reference } = invocation.flags;
    return followImage(invocation, "import", { path, ...(reference === undefined ? {} : { reference }) });
  },
});
