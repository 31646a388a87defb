import type { NetworkSpec } from "#contracts/project-spec.ts";
import { chooseSubnet, gatewayOf } from "./address-plan.ts";
import { enableForwarding, ensureBridge } from "./bridge.ts";
import { networkError } from "./errors.ts";
import { networkElements } from "./firewall-elements.ts";
import { bridgeName } from "./interface-names.ts";
import { applyChange, type NetworkContext, setUp } from "./network-context.ts";
import { type NetworkRecord, takeOut } from "./network-state.ts";
import { foreignRanges } from "./pool.ts";
import { formatSubnet } from "./subnet.ts";
import { passOtherFirewalls } from "./upkeep.ts";

/** The networks themselves: a bridge, a /24 and their rules for each. */
export class ProjectBridges {
  readonly #context: NetworkContext;

  constructor(context: NetworkContext) {
    this.#context = context;
  }

  async ensure(project: string, spec: NetworkSpec): Promise<NetworkRecord> {
    const found = this.#find(project, spec.name);
    if (found?.internal === spec.internal) {
      setUp(`setting up network ${found.name}`, () => ensureBridge(this.#context.routes, found));
      return found;
    }
    if (found !== undefined) this.#drop(found);
    const record = this.#newRecord(project, spec);
    this.#context.state.networks.push(record);
    await applyChange(this.#context, {
      what: `setting up network ${record.name}`,
      make: () => {
        enableForwarding();
        this.#context.firewall.add(networkElements(record));
        ensureBridge(this.#context.routes, record);
        passOtherFirewalls(this.#context);
      },
      undo: () => this.#drop(record),
    });
    return record;
  }

  async remove(project: string, network: string): Promise<void> {
    const record = this.#find(project, network);
    if (record === undefined) return;
    this.#drop(record);
    passOtherFirewalls(this.#context);
    this.#context.file.save();
  }

  #find(project: string, network: string): NetworkRecord | undefined {
    return this.#context.state.networks.find((record) => record.project === project && record.network === network);
  }

  #drop(record: NetworkRecord): void {
    const { state, routes, firewall } = this.#context;
    const users = state.endpoints.filter((endpoint) => endpoint.bridge === record.bridge);
    if (users.length > 0) {
      const names = users.map((endpoint) => endpoint.instanceName).join(", ");
      throw networkError("SLIPWAY_NETWORK_IN_USE", `network ${record.name} cannot be removed: ${names} are attached to it`);
    }
    takeOut(state.networks, (network) => network === record);
    takeOut(state.leases, (lease) => lease.bridge === record.bridge);
    routes.deleteLink(record.bridge);
    firewall.remove(networkElements(record));
  }

  #newRecord(project: string, spec: NetworkSpec): NetworkRecord {
    const { kernel, hash, pool, state } = this.#context;
    const name = `${project}_${spec.name}`;
    const namesake = state.networks.find((record) => record.name === name);
    if (namesake !== undefined) {
      const other = `network ${namesake.network} of project ${namesake.project}`;
      throw networkError(
        "SLIPWAY_NETWORK_NAME_TAKEN",
        `${name} cannot be made for project ${project}: ${other} has that name`,
      );
    }
    const subnet = chooseSubnet(pool, state.networks, foreignRanges(kernel, hash));
    const gateway = gatewayOf(subnet);
    return {
      name,
      project,
      network: spec.name,
      bridge: bridgeName(hash, gateway),
      subnet: formatSubnet(subnet),
      gateway,
      internal: spec.internal,
    };
  }
}
