import { Agent, request } from "node:http";
import { WebSocket } from "ws";
import type { RunRequest } from "#contracts/api.ts";
import { homeLayout } from "#contracts/home.ts";
import { API_PREFIX } from "#contracts/wire-names.ts";
import type { ServiceSpec } from "#contracts/service-spec.ts";

const SPEC: Omit<ServiceSpec, "image"> = {
  name: "busybox",
  command: ["true"],
  environment: {},
  ports: [],
  expose: [],
  mounts: [],
  networks: [{ name: "default", aliases: [] }],
  dependsOn: {},
  healthcheckDisabled: false,
  restart: { name: "no" },
  stopGracePeriodMs: 10_000,
  readOnly: false,
  capAdd: [],
  capDrop: [],
  limits: {},
  labels: {},
  init: false,
  replicas: 1,
  slipway: { routes: [], publishes: [], subscribes: [], requests: [], serves: [] },
};

/** What `slipway run --rm IMAGE true` says to the API. */
export class PlatformApi implements Disposable {
  readonly #socket: string;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(home: string) {
    this.#socket = homeLayout(home).apiSocket;
  }

  /** Starts one, is attached to it, and resolves when it has ended and is gone. */
  async runOne(image: string): Promise<void> {
    const spec = { ...SPEC, image };
    const body: RunRequest = { spec, interactive: false, attach: true, removeOnExit: true };
    const { instanceId } = await this.#post<{ instanceId: string }>("instances", body);
    await this.#untilEnded(instanceId);
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  #post<Answer>(path: string, body: object): Promise<Answer> {
    const text = JSON.stringify(body);
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(text) };
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const options = {
      socketPath: this.#socket,
      path: `${API_PREFIX}/${path}`,
      method: "POST",
      headers,
      agent: this.#agent,
    };
    const sent = request(options, async (response) => {
      const answer = Buffer.concat((await response.toArray()) as Buffer[]).toString();
      if (response.statusCode !== undefined && response.statusCode < 300) resolve(JSON.parse(answer) as Answer);
      else reject(new Error(`the API answered ${response.statusCode}: ${answer}`));
    });
    sent.on("error", reject);
    sent.end(text);
    return promise;
  }

  /** The server closes the stream after the exit frame. */
  #untilEnded(instanceId: string): Promise<void> {
    const socket = new WebSocket(`ws+unix:${this.#socket}:${API_PREFIX}/instances/${instanceId}/attach`, {
      perMessageDeflate: false,
    });
    return new Promise((resolve, reject) => {
      socket.on("close", () => resolve());
      socket.on("error", reject);
    });
  }
}
