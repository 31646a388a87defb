import { operationVerb } from "../operation-verb.ts";

export const pause = operationVerb("pause", "stop all processes of instances or services where they stand");
