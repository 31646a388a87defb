import { API_PREFIX, ExecRequest } from "#contracts/api.ts";
import { parse } from "#contracts/parse.ts";
import type { ApiContext } from "../api-context.ts";
import { apiError } from "../errors.ts";
import { type KnownInstance, resolveInstance } from "../instance-reference.ts";
import { pathNotFound } from "../problem-reply.ts";

/** What a WebSocket wants to be joined with. */
export type AttachTarget =
  | { operation: "attach"; instance: KnownInstance }
  | { operation: "exec"; instance: KnownInstance; request: ExecRequest };

const PATH = new RegExp(`^${API_PREFIX}/instances/([^/]+)/(attach|exec)$`);

/** True for a path that is a WebSocket's. */
export const isAttachPath = (url: string): boolean => PATH.test(new URL(url, "http://slipway").pathname);

/** Parses `/v1/instances/:ref/attach` and `/v1/instances/:ref/exec?request=<base64url JSON>`. */
export function parseAttachTarget(context: ApiContext, url: string): AttachTarget {
  const { pathname, searchParams } = new URL(url, "http://slipway");
  const [, ref, operation] = PATH.exec(pathname) ?? [];
  if (ref === undefined) throw pathNotFound("GET", url);
  const request = operation === "exec" ? parseExecRequest(searchParams.get("request")) : undefined;
  const instance = resolveInstance(context.state.snapshot(), decodeURIComponent(ref));
  if (request === undefined) return { operation: "attach", instance };
  if (instance.observed.state === "running") return { operation: "exec", instance, request };
  const { name, state } = instance.observed;
  const details = state === "paused" ? { remedy: "Let it go on first: `slipway unpause NAME`." } : {};
  throw apiError("SLIPWAY_API_INSTANCE_NOT_RUNNING", `a command cannot be executed in ${name}, which is ${state}`, details);
}

function parseExecRequest(encoded: string | null): ExecRequest {
  if (encoded === null) throw apiError("SLIPWAY_API_REQUEST_INVALID", "exec has no ?request=");
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(encoded, "base64url").toString("utf8"));
  } catch (cause) {
    throw apiError("SLIPWAY_API_REQUEST_INVALID", "?request= is not base64url of JSON", { cause });
  }
  return parse(ExecRequest, value, "request");
}
