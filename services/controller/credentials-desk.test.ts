import { afterAll, beforeAll, expect, test } from "vitest";
import { instanceKey } from "#contracts/buckets.ts";
import { connectPlatform } from "#messaging/connect.ts";
import { type AccountAuthority, openAccountAuthority } from "#messaging/identity/account-authority.ts";
import type { Platform } from "#messaging/platform.ts";
import { ScratchServer } from "#messaging/testing/scratch-server.ts";
import { ClusterState } from "#services/state/cluster-state.ts";
import { assignment } from "#services/state/testing/assignment.ts";
import { CredentialsDesk } from "./credentials-desk.ts";

const NODE = "n1";
const resources = new AsyncDisposableStack();
let platform: Platform;
let authority: AccountAuthority;
let state: ClusterState;

beforeAll(async () => {
  const { signal } = new AbortController();
  const server = resources.use(await ScratchServer.start());
  const { url, prepared, home } = server;
  platform = resources.use(await connectPlatform({ url, credsFile: prepared.creds.control, name: "control" }));
  authority = resources.use(await openAccountAuthority({ url, keys: home.keys }));
  state = resources.use(await ClusterState.open(platform, () => {}, signal));
});
afterAll(() => resources.disposeAsync());

test("credentials whose instance went while no control process ran are made void at the next start; others stay", async () => {
  const permissions = { publishes: [], subscribes: [], requests: [], serves: [] };
  const there = assignment("aaaaaaaaaaaa", { project: "shop", node: NODE });
  await state.assignments.update(instanceKey(NODE, there.instanceId), there, 0);
  for (const instanceId of [there.instanceId, "bbbbbbbbbbbb"])
    await authority.issue({ project: "shop", instanceId, service: "web", permissions, expiresInMs: 3_600_000 });
  const cursor = await platform.events.cursor();
  {
    await using _desk = new CredentialsDesk({ platform, state, authority, log: () => {} });
  }
  expect(authority.credentialHolders()).toEqual([{ project: "shop", instanceId: there.instanceId }]);
  const told: unknown[] = [];
  for await (const { event } of platform.events.read({ since: cursor, signal: new AbortController().signal }))
    told.push({ type: event.type, data: event.data });
  expect(told).toEqual([{ type: "dev.slipway.credentials.revoked", data: { instanceId: "bbbbbbbbbbbb" } }]);
});
