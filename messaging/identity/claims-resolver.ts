import type { Link } from "../connection/link.ts";
import { insist } from "../connection/insist.ts";
import { messagingError } from "../errors.ts";

const TIMEOUT_MS = 2_000;
const ATTEMPT_MS = 1_000;

/** nats-server's account resolver, over the system account. */
export class ClaimsResolver {
  readonly #link: Link;

  constructor(link: Link) {
    this.#link = link;
  }

  /** Makes or replaces an account. Users that the new claims revoke are cut off before this resolves. */
  async update(jwt: string, account: string): Promise<void> {
    await this.#ask("$SYS.REQ.CLAIMS.UPDATE", jwt, `the claims of account ${account}`);
  }

  /** Takes accounts away: their users are cut off. */
  async delete(jwt: string, account: string): Promise<void> {
    await this.#ask("$SYS.REQ.CLAIMS.DELETE", jwt, `the removal of account ${account}`);
  }

  /** The JWT that the server has for an account, undefined when it knows none. */
  async lookup(account: string): Promise<string | undefined> {
    const answer = await this.#request(`$SYS.REQ.ACCOUNT.${account}.CLAIMS.LOOKUP`, "");
    return answer === "" ? undefined : answer;
  }

  async #ask(subject: string, payload: string, what: string): Promise<void> {
    const text = await this.#request(subject, payload);
    const answer = JSON.parse(text) as { data?: { code?: number }; error?: { description?: string } };
    if (answer.error === undefined && answer.data?.code === 200) return;
    throw messagingError(
      "SLIPWAY_MESSAGING_CLAIMS_REFUSED",
      `nats-server refused ${what}: ${answer.error?.description ?? text}`,
    );
  }

  async #request(subject: string, payload: string): Promise<string> {
    const ask = () => this.#link.connection.request(subject, payload, { timeout: ATTEMPT_MS });
    const answer = await insist(this.#link, `asking nats-server ${subject}`, ask, { timeoutMs: TIMEOUT_MS });
    return answer.string();
  }
}
