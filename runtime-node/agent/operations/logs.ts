import type { LogQuery, LogRecord } from "#contracts/api.ts";
import type { MessageStream } from "#messaging/platform.ts";
import type { Instance } from "../../container/instance.ts";
import { readLogs } from "../../logs/read-logs.ts";
import type { NodeAgent } from "../node-agent.ts";
import type { NodeStreamHandlers } from "./serve-operations.ts";

/** The logs of the instances that a query means: each in its own order, merged by time without `follow`, as they come with it. */
export function logsOperation(agent: NodeAgent): NodeStreamHandlers["logs"] {
  return async (query, stream, call) => {
    const signal = AbortSignal.any([call.signal, stream.signal]);
    if (query.follow) await followAll(agent, query, stream, signal);
    else await sendMerged(selected(agent, query), query, stream, signal);
    // An agent that ends has not said all: the caller is to hear that, and asks the next one.
    call.signal.throwIfAborted();
    await stream.end();
  };
}

function selected(agent: NodeAgent, { project, services, instanceId }: LogQuery): Instance[] {
  return agent.instances.filter(
    ({ assignment }) =>
      (instanceId === undefined || assignment.instanceId === instanceId) &&
      (project === undefined || assignment.project === project) &&
      (services.length === 0 || services.includes(assignment.service)),
  );
}

async function* recordsOf(
  instance: Instance,
  { tail, follow, since, after }: LogQuery,
  signal: AbortSignal,
): AsyncIterable<LogRecord> {
  const { project, service, name } = instance.assignment;
  const position = after?.[`${project}/${service}/${name}`];
  const options = {
    follow,
    signal,
    until: instance.removed,
    ...(tail === undefined ? {} : { tail }),
    ...(since === undefined ? {} : { since: new Date(since) }),
    ...(position === undefined ? {} : { after: { stdout: position[0], stderr: position[1] } }),
  };
  for await (const { at, ...record } of readLogs(instance.folder.logs, options))
    yield { ...record, project, service, instance: name, ...(follow && at !== undefined ? { at } : {}) };
}

/** One iterator an instance; the earliest line is next. */
async function sendMerged(
  instances: Instance[],
  query: LogQuery,
  stream: MessageStream,
  signal: AbortSignal,
): Promise<void> {
  const heads = await Promise.all(
    instances.map(async (instance) => {
      const iterator = recordsOf(instance, query, signal)[Symbol.asyncIterator]();
      return { iterator, head: await iterator.next() };
    }),
  );
  for (;;) {
    const open = heads.filter(({ head }) => head.done !== true);
    if (open.length === 0 || signal.aborted) return;
    const next = open.reduce((first, other) =>
      (other.head.value as LogRecord).time < (first.head.value as LogRecord).time ? other : first,
    );
    await stream.send(Buffer.from(`${JSON.stringify(next.head.value)}\n`));
    next.head = await next.iterator.next();
  }
}

/** Follows what there is, and every instance that comes later and is meant. */
async function followAll(agent: NodeAgent, query: LogQuery, stream: MessageStream, signal: AbortSignal): Promise<void> {
  const following = new Map<Instance, Promise<void>>();
  const followOne = async (instance: Instance): Promise<void> => {
    for await (const record of recordsOf(instance, query, signal)) {
      if (signal.aborted) return;
      await stream.send(Buffer.from(`${JSON.stringify(record)}\n`));
    }
  };
  const followNew = (): void => {
    for (const instance of selected(agent, query)) {
      if (!following.has(instance))
        following.set(
          instance,
          followOne(instance).catch(() => {}),
        );
    }
  };
  using _ = agent.onArrival(followNew);
  followNew();
  if (query.instanceId !== undefined) await Promise.all(following.values());
  else await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
