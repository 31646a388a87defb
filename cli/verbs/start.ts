import { operationVerb } from "../operation-verb.ts";

export const start = operationVerb("start", "start what was stopped");
