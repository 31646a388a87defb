import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";
import { homeLayout } from "#contracts/home.ts";

/** GET of the API's unix socket, for looks that would take too long with a command each. */
export async function getFromApi<Body>(home: string, path: string): Promise<Body> {
  const sent = request({ socketPath: homeLayout(home).apiSocket, path: `/v1${path}`, agent: false }).end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  const body = await text(response);
  if (response.statusCode !== 200) throw new Error(`GET ${path} was answered with ${response.statusCode}: ${body}`);
  return JSON.parse(body) as Body;
}
