import type { SlipwayError } from "#contracts/slipway-error.ts";
import { gatewayError } from "../errors.ts";
import { type ClientRequest, hasBody } from "./client-exchange.ts";

/** Calls back when nothing of a request's body arrives for so long. Not its whole duration: an upload may take as long as it takes. */
export function watchUpload(request: ClientRequest, idleMs: number, onIdle: (error: SlipwayError) => void): void {
  if (!hasBody(request)) return;
  request.setTimeout(idleMs, () => {
    if (request.complete) return;
    onIdle(
      gatewayError("SLIPWAY_GATEWAY_REQUEST_STALLED", `nothing of the request's body arrived for ${idleMs} milliseconds`),
    );
  });
  request.once("end", () => request.setTimeout(0));
}
