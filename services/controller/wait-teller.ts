import { context } from "@opentelemetry/api";
import type { NewEvent } from "#messaging/platform.ts";
import type { Log } from "#services/state/log.ts";
import type { ProjectView } from "#services/state/project-view.ts";
import { contextOf } from "#services/state/trace-context.ts";
import { CONTROLLER_SOURCE } from "./event-subject.ts";

/** A service that is held back by what it depends on. */
export interface ServiceWait {
  project: string;
  service: string;
  /** waiting: not yet. failed: it will not be let go without a change. */
  gate: "waiting" | "failed";
  /** `waits for db to be healthy`, `db-1 ended with exit code 3`. */
  detail: string;
  traceparent: string | undefined;
}

/** The services of a project that lack an instance and may not have one yet. */
export function waitsOf({ desired, services }: ProjectView): ServiceWait[] {
  if (desired.removal !== undefined) return [];
  const { traceparent } = desired;
  return [...services.values()].flatMap(({ name, gate, wanted, current }) =>
    gate.is === "open" || current.length >= wanted.length
      ? []
      : [{ project: desired.spec.name, service: name, gate: gate.is, detail: gate.detail, traceparent }],
  );
}

/**
 * Tells of services that wait, once for each reason: a wait is something that does not happen, and no other event says why. What an earlier
 * control process has told is told again.
 */
export class WaitTeller implements AsyncDisposable {
  readonly #append: (event: NewEvent) => Promise<unknown>;
  readonly #log: Log;
  #told = new Map<string, string>();
  #telling: Promise<void> = Promise.resolve();

  constructor(append: (event: NewEvent) => Promise<unknown>, log: Log) {
    this.#append = append;
    this.#log = log;
  }

  /** Takes all waits that there are now. Nobody waits for the telling. */
  take(waits: readonly ServiceWait[]): void {
    const former = this.#told;
    this.#told = new Map(waits.map((wait) => [subjectOf(wait), wait.detail]));
    for (const wait of waits) if (former.get(subjectOf(wait)) !== wait.detail) this.#tell(wait);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#telling;
  }

  #tell(wait: ServiceWait): void {
    const { project, gate, detail, traceparent } = wait;
    const event: NewEvent = {
      type: "service.waiting",
      source: CONTROLLER_SOURCE,
      subject: subjectOf(wait),
      project,
      data: { gate, detail },
    };
    const tell = (): Promise<unknown> => context.with(contextOf(traceparent), () => this.#append(event));
    this.#telling = this.#telling
      .then(tell)
      .then(() => undefined)
      .catch((error: unknown) => this.#log(`that ${event.subject} ${detail} could not be told`, error));
  }
}

const subjectOf = ({ project, service }: ServiceWait): string => `${project}/${service}`;
