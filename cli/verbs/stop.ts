import { operationVerb } from "../operation-verb.ts";

export const stop = operationVerb("stop", "stop instances or services, and hold them stopped");
