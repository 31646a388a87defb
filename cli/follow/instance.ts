import type { ObservedInstance } from "#contracts/instance.ts";
import { SlipwayError } from "#contracts/slipway-error.ts";
import type { ApiClient } from "../api/client.ts";
import { getInstance } from "../api/resources.ts";
import { watch } from "./watch.ts";

/** Waits until an instance's process runs or has run. @throws the instance's own error when it could not be started */
export async function waitUntilStarted(
  api: ApiClient,
  instance: ObservedInstance,
  signal: AbortSignal,
): Promise<ObservedInstance> {
  const isAbout = ({ subject }: { subject: string }): boolean => subject.startsWith(`${instance.project}/`);
  const states = watch({ api, since: instance.createdAt, isAbout, signal }, (each) =>
    getInstance(api, instance.instanceId, each),
  );
  for await (const { observed } of states) {
    if (observed.error !== undefined && observed.state === "failed") throw instanceError(observed.error);
    if (["running", "restarting", "exited"].includes(observed.state)) return observed;
  }
  return instance;
}

/** A node's report of a failure, as the error that it was there. */
export function instanceError(failure: NonNullable<ObservedInstance["error"]>): SlipwayError {
  const { code, message, remedy, exitCode } = failure;
  return new SlipwayError(code, { status: 500, exitCode, remedy }, message);
}
