import { Type } from "typebox";
import { DoctorCheck } from "#contracts/api.ts";
import type { ApiApp } from "../api-app.ts";
import type { ApiContext } from "../api-context.ts";
import { askNode } from "../node-client.ts";

/** A disk's fsync is timed among the checks. */
const TIMEOUT_MS = 30_000;

export function doctorResource(app: ApiApp, context: ApiContext): void {
  const schema = { summary: "What the machine allows", response: { 200: Type.Array(DoctorCheck) } };
  app.get("/doctor", { schema }, () => askNode(context, "doctor", {}, { timeoutMs: TIMEOUT_MS }));
}
