import { operationVerb } from "../operation-verb.ts";

export const restart = operationVerb("restart", "stop and start");
