import { followImage } from "../follow/image.ts";
import { defineVerb } from "../verb.ts";

export const imagePull = defineVerb({
  name: "image pull",
  operands: "REFERENCE",
  minimumOperands: 1,
  maximumOperands: 1,
  summary: "pull an image from its registry",
  traced: "told",
  flags: {},
  run: (invocation) => followImage(invocation, "pull", { reference: invocation.operands[0] }),
});
