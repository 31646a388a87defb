import { run } from "../peers/command.ts";

const NETAVARK = "/usr/lib/podman/netavark";
const NAMESPACE = "slwnetavark";

const NETWORK = {
  name: "bench",
  id: "0".repeat(64),
  driver: "bridge",
  network_interface: "bench1",
  subnets: [{ subnet: "10.84.0.0/24", gateway: "10.84.0.1" }],
  ipv6_enabled: false,
  internal: false,
  dns_enabled: false,
  ipam_options: { driver: "host-local" },
};
const OPTIONS = JSON.stringify({
  container_id: "slwbench",
  container_name: "slwbench",
  networks: { bench: { static_ips: ["10.84.0.2"], interface_name: "eth0" } },
  network_info: { bench: NETWORK },
});

/** What podman does for a container's network, with netavark's own command line. */
export async function netavark(folder: string): Promise<void> {
  const call = (verb: string): Promise<string> =>
    run(NETAVARK, ["--config", folder, verb, `/run/netns/${NAMESPACE}`], { input: OPTIONS });
  await run("ip", ["netns", "add", NAMESPACE]);
  await call("setup");
  await call("teardown");
  await run("ip", ["netns", "del", NAMESPACE]);
}
