import { operationVerb } from "../operation-verb.ts";

export const unpause = operationVerb("unpause", "let paused instances or services go on");
