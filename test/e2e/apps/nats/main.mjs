// Does on NATS what it is told over HTTP, with an unmodified client: POST /publish?subject=…, POST /request?subject=… (the answer,
// or 502 and the error), GET /heard (what came on SUBSCRIBES, and what the server refused). Answers requests on SERVES in capitals.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { connect, credsAuthenticator } from "@nats-io/transport-node";

const { NATS_URL = "", NATS_CREDS = "", SUBSCRIBES, SERVES } = process.env;
const nats = await connect({ servers: NATS_URL, authenticator: credsAuthenticator(readFileSync(NATS_CREDS)) });
/** @type {string[]} */
const heard = [];
/** @type {string[]} */
const refused = [];

void (async () => {
  for await (const status of nats.status()) if (status.type === "error") refused.push(status.error.message);
})();
for (const subject of SUBSCRIBES?.split(" ") ?? []) {
  nats.subscribe(subject, {
    callback: (error, message) => {
      if (error) refused.push(error.message);
      else heard.push(`${message.subject} ${message.string()}`);
    },
  });
}
if (SERVES) nats.subscribe(SERVES, { callback: (_error, message) => void message.respond(message.string().toUpperCase()) });
await nats.flush();

const actions = {
  /** @param {string} subject @param {string} body */
  async publish(subject, body) {
    nats.publish(subject, body);
    await nats.flush();
    return "published";
  },
  /** @param {string} subject @param {string} body */
  async request(subject, body) {
    const answer = await nats.request(subject, body, { timeout: 3_000 });
    return answer.string();
  },
  async heard() {
    return JSON.stringify({ heard, refused });
  },
};

const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://nats");
  const action = actions[/** @type {keyof typeof actions} */ (pathname.slice(1))];
  try {
    response.end(await action(searchParams.get("subject") ?? "", await text(request)));
  } catch (error) {
    response.writeHead(502).end(error instanceof Error ? `${error.name}: ${error.message}` : "");
  }
});
server.listen(8080, () => console.log("nats: connected"));
process.on("SIGTERM", () => process.exit(0));
