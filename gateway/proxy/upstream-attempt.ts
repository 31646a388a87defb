import type { ClientRequest as SentRequest, IncomingMessage } from "node:http";
import type { Lease } from "../balancer/upstream.ts";
import { gatewayError } from "../errors.ts";
import type { GatewaySettings } from "../settings.ts";
import { type ClientRequest, ClientGone } from "./client-exchange.ts";

/** One try of one request on one target: ends with the answer's head, or with why there is none. The first reason wins. */
export class UpstreamAttempt {
  /** Rejects with SLIPWAY_GATEWAY_TARGET_UNREACHABLE, _BROKE, _TIMEOUT, _REMOVED, or with {@link ClientGone}. */
  readonly answer: Promise<IncomingMessage>;
  readonly #request: ClientRequest;
  readonly #lease: Lease;
  readonly #settings: GatewaySettings;
  readonly #settle: PromiseWithResolvers<IncomingMessage>;
  readonly #onFailure: ((error: Error) => void) | undefined;
  #settled = false;
  #sent: SentRequest | undefined;
  #deadline: NodeJS.Timeout | undefined;

  /** @param onFailure called at once, before anybody can end the client's connection; `answer` rejects a little later. */
  constructor(request: ClientRequest, lease: Lease, settings: GatewaySettings, onFailure?: (error: Error) => void) {
    this.#onFailure = onFailure;
    this.#request = request;
    this.#lease = lease;
    this.#settings = settings;
    this.#settle = Promise.withResolvers();
    this.answer = this.#settle.promise;
  }

  /** True when the connection had served a request before: its end may have crossed with ours. */
  get onReusedConnection(): boolean {
    return this.#sent?.reusedSocket === true;
  }

  start(send: (failed: (error: Error) => void) => void): void {
    this.#lease.signal.addEventListener("abort", () => this.#abort(this.#lease.signal.reason as Error), { once: true });
    try {
      send((error) => this.#failed(error));
    } catch (cause) {
      this.#reject(gatewayError("SLIPWAY_GATEWAY_BAD_REQUEST", "the request cannot be written as HTTP/1.1", { cause }));
    }
  }

  /** The request has its connection. The clock runs from when its last byte is sent: an upload may take as long as it takes. */
  began(sent: SentRequest): void {
    this.#sent = sent;
    sent.once("response", (answer) => this.#answered(answer));
    if (this.#request.headers.upgrade !== undefined) sent.once("upgrade", (answer) => this.#answered(answer));
    // Without an error: a target that switches protocols though nobody asked it to.
    sent.once("close", () => this.#failed(new Error("the connection closed")));
    if (this.#settled) sent.destroy();
    else if (sent.writableFinished) this.#startClock();
    else sent.once("finish", () => this.#startClock());
  }

  #answered(answer: IncomingMessage): void {
    if (this.#settled) return;
    this.#finish();
    this.#settle.resolve(answer);
  }

  /** The response has ended, or its client has gone: an upload that is still under way is for nobody. */
  responseClosed(): void {
    const uploading = this.#sent?.writableEnded === false;
    if (this.#settled && !uploading) return;
    if (!this.#settled) this.#reject(new ClientGone());
    this.#sent?.destroy();
  }

  #abort(cause: Error): void {
    this.#reject(cause);
    this.#sent?.destroy(cause);
  }

  #startClock(): void {
    if (this.#settled) return;
    this.#deadline = setTimeout(() => {
      const message = `the service did not answer within ${this.#settings.responseTimeoutMs} milliseconds`;
      this.#reject(gatewayError("SLIPWAY_GATEWAY_TARGET_TIMEOUT", message));
      this.#sent?.destroy();
    }, this.#settings.responseTimeoutMs);
  }

  #failed(cause: NodeJS.ErrnoException): void {
    // After the answer's head only the upload can fail: the rest of it is read and dropped, so that the connection goes on.
    if (this.#settled) return void this.#request.resume();
    if (this.#request.errored) return this.#reject(new ClientGone());
    const unreachable = cause.syscall === "connect" || cause.code === "ECONNECT_TIMEOUT";
    this.#reject(
      unreachable
        ? gatewayError("SLIPWAY_GATEWAY_TARGET_UNREACHABLE", "the service does not accept connections", { cause })
        : gatewayError("SLIPWAY_GATEWAY_TARGET_BROKE", "the service closed the connection before it answered", { cause }),
    );
  }

  #reject(error: Error): void {
    if (this.#settled) return;
    this.#finish();
    this.#onFailure?.(error);
    this.#settle.reject(error);
  }

  #finish(): void {
    this.#settled = true;
    clearTimeout(this.#deadline);
  }
}
