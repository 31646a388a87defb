import { type Static, Type } from "typebox";

export const NetworkRecord = Type.Object({
  /** `<project>_<network>`, unique on a node. */
  name: Type.String(),
  project: Type.String(),
  network: Type.String(),
  bridge: Type.String(),
  /** `10.83.4.0/24` */
  subnet: Type.String(),
  gateway: Type.String(),
  /** No way out: no NAT, no default route. */
  internal: Type.Boolean(),
});
export type NetworkRecord = Static<typeof NetworkRecord>;

/** An address kept for an instance, whether it runs or not. */
export const Lease = Type.Object({ bridge: Type.String(), instanceId: Type.String(), address: Type.String() });
export type Lease = Static<typeof Lease>;

/** A running instance's interface on a network. */
export const EndpointRecord = Type.Object({
  network: Type.String(),
  bridge: Type.String(),
  instanceId: Type.String(),
  instanceName: Type.String(),
  aliases: Type.Array(Type.String()),
  /** The process whose network namespace holds the interface. */
  pid: Type.Integer(),
  interfaceName: Type.String(),
  address: Type.String(),
  prefixLength: Type.Integer(),
  gateway: Type.String(),
  mac: Type.String(),
  hostInterface: Type.String(),
  /** The instance's way out leads through this one. */
  defaultRoute: Type.Boolean(),
});
export type EndpointRecord = Static<typeof EndpointRecord>;

export const Publication = Type.Object({
  instanceId: Type.String(),
  hostIp: Type.String(),
  hostPort: Type.Integer(),
  protocol: Type.Union([Type.Literal("tcp"), Type.Literal("udp")]),
  address: Type.String(),
  containerPort: Type.Integer(),
  /** As asked for: 0 let us choose. */
  requestedPort: Type.Integer(),
});
export type Publication = Static<typeof Publication>;

export const NetworkState = Type.Object({
  version: Type.Literal(1),
  networks: Type.Array(NetworkRecord),
  leases: Type.Array(Lease),
  endpoints: Type.Array(EndpointRecord),
  publications: Type.Array(Publication),
});
export type NetworkState = Static<typeof NetworkState>;

export const emptyState = (): NetworkState => ({ version: 1, networks: [], leases: [], endpoints: [], publications: [] });

/** Removes the entries that match, in place, and returns them. */
export function takeOut<Entry>(list: Entry[], matches: (entry: Entry) => boolean): Entry[] {
  const taken = list.filter(matches);
  for (const entry of taken) list.splice(list.indexOf(entry), 1);
  return taken;
}
