import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DRAIN_NOTICE_MS } from "#contracts/route.ts";
import { GATEWAY_SUBJECTS, type RoutesQuestion } from "#contracts/subjects.ts";
import { connectPlatform } from "#messaging/connect.ts";
import { openAccountAuthority } from "#messaging/identity/account-authority.ts";
import type { Platform } from "#messaging/platform.ts";
import { ScratchServer } from "#messaging/testing/scratch-server.ts";
import { ClusterState } from "#services/state/cluster-state.ts";
import { ReportingNode } from "#services/state/testing/reporting-node.ts";
import { desired, project, service } from "#services/state/testing/specs.ts";
import { followRoutes } from "../../gateway/routes/follow-routes.ts";
import { RouteStore } from "../../gateway/routes/route-store.ts";
import { answerWhetherInForce } from "../../gateway/routes/routes-in-force.ts";
import { startController } from "./controller.ts";
import { GatewayDrains } from "./gateway-drains.ts";

const NODE = "n1";
const ROUTES = [{ host: "shop.test", path: "/", port: 80 }];
const resources = new AsyncDisposableStack();
let gateway: Platform;
let state: ClusterState;

beforeAll(async () => {
  const { signal } = new AbortController();
  const server = resources.use(await ScratchServer.start());
  gateway = resources.use(await connectPlatform(server.as("gateway")));
  const agent = resources.use(await connectPlatform(server.as("agent")));
  const platform = resources.use(await connectPlatform(server.as("control")));
  const authority = resources.use(await openAccountAuthority({ url: server.url, keys: server.home.keys }));
  state = resources.use(await ClusterState.open(platform, () => {}, signal));
  resources.use(await ReportingNode.start(agent, NODE));
  resources.use(startController({ platform, state, authority, node: NODE, log: () => {} }));
});
afterAll(() => resources.disposeAsync());

function until(isSo: () => boolean): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = state.onChange(() => {
    if (isSo()) resolve();
  });
  if (isSo()) resolve();
  return promise.finally(stop);
}

const images = (): string[] => state.assignments.entries().map(({ value }) => value.spec.image);
const ready = (): number =>
  state.routes.entries().flatMap(({ value }) => value.targets.filter((target) => target.state === "ready")).length;

async function want(image: string): Promise<void> {
  const { slipway } = service("web");
  const spec = project("shop", [service("web", { image, slipway: { ...slipway, routes: ROUTES } })]);
  const current = state.desired.get("shop");
  await state.desired.update("shop", desired(spec), current?.revision ?? 0);
  await until(() => ready() === 1 && state.observed.entries().some(({ value }) => value.image === image));
}

async function takeDown(): Promise<void> {
  const current = state.desired.get("shop")!;
  await state.desired.update("shop", { ...current.value, removal: { volumes: false } }, current.revision);
}

/** How long the next instance that leaves drains until it is taken away, in milliseconds. */
function nextDrain(): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const stop = state.assignments.onChange(({ before, after }) => {
    if (after !== undefined || before?.drainingSince === undefined) return;
    resolve(Date.now() - Date.parse(before.drainingSince));
  });
  return promise.finally(stop);
}

/** The gateway's part: it follows the routes, and says when it is done with an instance, which is when `ended` resolves. */
async function serveRoutes(ended: Promise<void>): Promise<AsyncDisposable & { asked: Promise<string> }> {
  const asked = Promise.withResolvers<string>();
  const stop = new AbortController();
  const store = new RouteStore();
  const following = followRoutes({ platform: gateway, store, log: () => {}, signal: stop.signal });
  const answers = answerWhetherInForce(gateway, store, async (instanceId) => {
    asked.resolve(instanceId);
    await ended;
  });
  await gateway.flush();
  return {
    asked: asked.promise,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await following;
      await answers[Symbol.asyncDispose]();
    },
  };
}

describe("an instance that drains", () => {
  it("goes when the gateway is done with it, in an update and in a removal", async () => {
    await want("v1");
    for (const leave of [() => want("v2"), takeDown]) {
      const [old] = state.assignments.entries();
      const ended = Promise.withResolvers<void>();
      await using routes = await serveRoutes(ended.promise);
      const drained = nextDrain();
      const left = leave();
      expect(await routes.asked).toBe(old?.value.instanceId);
      expect(images()).toContain(old?.value.spec.image);
      ended.resolve();
      expect(await drained).toBeLessThan(DRAIN_NOTICE_MS);
      await left;
    }
    await until(() => state.desired.get("shop") === undefined);
  });

  it("goes after the notice when there is no gateway", async () => {
    await want("v1");
    const drained = nextDrain();
    await takeDown();
    expect(await drained).toBeGreaterThanOrEqual(DRAIN_NOTICE_MS);
    await until(() => state.desired.get("shop") === undefined);
  });

  it("goes after the notice when the gateway hangs", async () => {
    await want("v1");
    const asked: RoutesQuestion[] = [];
    await using _hung = gateway.serve<RoutesQuestion, never>(GATEWAY_SUBJECTS.routesInForce, (question, { signal }) => {
      asked.push(question);
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("over"))));
    });
    await gateway.flush();
    const drained = nextDrain();
    await takeDown();
    expect(await drained).toBeGreaterThanOrEqual(DRAIN_NOTICE_MS);
    expect(asked.map(({ revision }) => revision)).toEqual([state.routes.revision]);
    await until(() => state.desired.get("shop") === undefined);
  });
});

it("an instance whose id comes again is asked about again, and an answer about the first is of no use to it", async () => {
  const { signal } = new AbortController();
  const answers: PromiseWithResolvers<boolean>[] = [];
  const drained = Promise.withResolvers<void>();
  const drains = new GatewayDrains(() => {
    const answer = Promise.withResolvers<boolean>();
    answers.push(answer);
    return answer.promise;
  }, drained.resolve);
  drains.take(["a"], 1, signal);
  drains.take(["a"], 2, signal);
  expect(answers).toHaveLength(1);
  drains.take([], 3, signal);
  drains.take(["a"], 4, signal);
  expect(answers).toHaveLength(2);
  answers[0]?.resolve(true);
  await answers[0]?.promise;
  expect([...drains.drained]).toEqual([]);
  answers[1]?.resolve(true);
  await drained.promise;
  expect([...drains.drained]).toEqual(["a"]);
  await drains.idle();
});
