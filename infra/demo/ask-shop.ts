import { request } from "node:https";
import { text } from "node:stream/consumers";
import { demoError } from "./errors.ts";

export const SHOP_HOST = "shop.localhost";
const TIMEOUT_MS = 10_000;

export interface ShopQuestion {
  httpsPort: number;
  /** PEM of the one authority that is trusted. */
  ca: string;
  method?: "GET" | "POST";
  path: string;
  body?: object;
}

/**
 * Asks the shop over HTTPS through the gateway, as a browser would that trusts the local CA alone: the certificate must be good for the
 * shop's name. Connects to 127.0.0.1, whatever this machine makes of *.localhost.
 */
export async function askShop<Answer>({ httpsPort, ca, method = "GET", path, body }: ShopQuestion): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; content: string }>();
  const sent = request(
    {
      host: "127.0.0.1",
      port: httpsPort,
      servername: SHOP_HOST,
      ca,
      method,
      path,
      headers: { host: `${SHOP_HOST}:${httpsPort}`, "content-type": "application/json" },
      agent: false,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    },
    (response) => void text(response).then((content) => resolve({ status: response.statusCode ?? 0, content }), reject),
  );
  sent.on("error", reject);
  sent.end(body === undefined ? undefined : JSON.stringify(body));
  const { status, content } = await promise.catch((cause: unknown) => {
    throw demoError("SLIPWAY_DEMO_ANSWER_WRONG", `${method} ${path} got no answer: ${(cause as Error).message}`, { cause });
  });
  if (status < 200 || status > 299)
    throw demoError("SLIPWAY_DEMO_ANSWER_WRONG", `${method} ${path} was answered with ${status}: ${content}`);
  return JSON.parse(content) as Answer;
}
