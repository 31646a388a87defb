import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { enterPrivateNetwork } from "#kernel/netlink/private-network.ts";
import { PortReservations } from "./port-reservations.ts";

const kernel = new LinuxKernel();
let reservations: PortReservations;

const tcp = (hostPort: number, hostIp = "0.0.0.0") => ({ hostIp, hostPort, protocol: "tcp" as const });

async function listen(port: number, host = "0.0.0.0"): Promise<Server & AsyncDisposable> {
  const server = createServer((socket) => socket.end());
  server.listen(port, host);
  await once(server, "listening");
  return server;
}

beforeAll(() => enterPrivateNetwork(kernel));
beforeEach(() => {
  reservations = new PortReservations(kernel);
});
afterEach(() => reservations[Symbol.dispose]());

describe("a reserved port", () => {
  it("cannot be taken by a process, not even one that reuses addresses, until it is released", async () => {
    await reservations.hold("0123456789ab", [tcp(8080)]);
    await expect(listen(8080)).rejects.toMatchObject({ code: "EADDRINUSE" });
    await expect(listen(8080, "127.0.0.1")).rejects.toMatchObject({ code: "EADDRINUSE" });
    reservations.release([tcp(8080)]);
    await using server = await listen(8080);
    expect(server.listening).toBe(true);
  });

  it("is chosen where none was named, and then another one for the next", async () => {
    const [first = 0, second = 0] = await reservations.hold("0123456789ab", [tcp(0), tcp(0)]);
    expect(first).toBeGreaterThan(1023);
    expect(second).not.toBe(first);
    await expect(listen(first)).rejects.toMatchObject({ code: "EADDRINUSE" });
  });

  it("is one of its protocol and address: UDP beside TCP, two addresses beside each other", async () => {
    const udp = { ...tcp(8081), protocol: "udp" as const };
    await reservations.hold("0123456789ab", [tcp(8081), udp]);
    await reservations.hold("0123456789ab", [tcp(8082, "127.0.0.1"), tcp(8082, "127.0.0.2")]);
    expect(reservations.has(udp)).toBe(true);
  });
});

describe("a port in use", () => {
  it("by a process is refused with its pid and name", async () => {
    const script = 'require("node:net").createServer().listen(8083, () => console.log("listening"))';
    const other = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
    await once(other.stdout, "data");
    await expect(reservations.hold("0123456789ab", [tcp(8083)])).rejects.toMatchObject({
      code: "SLIPWAY_NETWORK_PORT_IN_USE",
      message: expect.stringContaining(`process ${other.pid} (`),
    });
    other.kill("SIGKILL");
    await once(other, "exit");
  });

  it("by another instance is refused with its id, also where one of the two asks for all addresses", async () => {
    await reservations.hold("aaaaaaaaaaaa", [tcp(8084, "127.0.0.1")]);
    await expect(reservations.hold("bbbbbbbbbbbb", [tcp(8084)])).rejects.toMatchObject({
      code: "SLIPWAY_NETWORK_PORT_IN_USE",
      message: "port 8084/tcp on 0.0.0.0 cannot be published: instance aaaaaaaaaaaa has it",
    });
  });

  it("by another platform's instance is refused as well", async () => {
    using others = new PortReservations(kernel);
    await others.hold("aaaaaaaaaaaa", [tcp(8085)]);
    await expect(reservations.hold("bbbbbbbbbbbb", [tcp(8085)])).rejects.toMatchObject({
      message: expect.stringContaining("another platform's published port"),
    });
  });

  it("gives back the ports that were free beside it", async () => {
    await using server = await listen(8087);
    expect((server.address() as AddressInfo).port).toBe(8087);
    await expect(reservations.hold("0123456789ab", [tcp(8086), tcp(8087)])).rejects.toMatchObject({
      code: "SLIPWAY_NETWORK_PORT_IN_USE",
    });
    await using free = await listen(8086);
    expect(free.listening).toBe(true);
  });

  it("by nothing but an ended server's connections can be had", async () => {
    const server = await listen(8088);
    const client = connect(8088, "127.0.0.1");
    client.resume();
    await once(client, "close");
    await server[Symbol.asyncDispose]();
    expect(await reservations.hold("0123456789ab", [tcp(8088)])).toEqual([8088]);
    await expect(listen(8088)).rejects.toMatchObject({ code: "EADDRINUSE" });
  });
});

describe("an address to publish on", () => {
  it("is refused when this machine does not have it, or when it is not IPv4", async () => {
    for (const hostIp of ["192.0.2.200", "::1", "localhost"]) {
      await expect(reservations.hold("0123456789ab", [tcp(8089, hostIp)])).rejects.toMatchObject({
        code: "SLIPWAY_NETWORK_HOST_ADDRESS_UNAVAILABLE",
        message: expect.stringContaining(hostIp),
      });
    }
  });
});
