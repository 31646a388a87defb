import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { parseResolvConf, resolvConfUpstreams } from "./resolv-conf.ts";

it("takes the first three nameservers and passes over what is none", () => {
  const text = [
    "# nameserver 192.0.2.9",
    "; nameserver 192.0.2.9",
    "search example.org",
    "nameserver not-an-address",
    "nameserver 192.0.2.1 # the router",
    "  nameserver\t2001:db8::1",
    "nameserver fe80::1%eth0",
    "nameserver 192.0.2.4",
    "options edns0",
  ].join("\n");
  expect(parseResolvConf(text).map(({ address }) => address)).toEqual(["192.0.2.1", "2001:db8::1", "fe80::1%eth0"]);
  expect(parseResolvConf("")).toEqual([]);
});

it("follows the file when it is replaced, and says so when it is not there", async () => {
  const folder = await mkdtemp(join(tmpdir(), "slipway-dns-"));
  const path = join(folder, "resolv.conf");
  try {
    const upstreams = resolvConfUpstreams(path);
    await expect(upstreams()).rejects.toMatchObject({ code: "SLIPWAY_DNS_RESOLV_CONF_UNREADABLE" });
    await writeFile(path, "nameserver 192.0.2.1\n");
    expect(await upstreams()).toEqual([{ address: "192.0.2.1", port: 53 }]);
    await writeFile(`${path}.new`, "nameserver 192.0.2.2\n");
    await rename(`${path}.new`, path);
    expect(await upstreams()).toEqual([{ address: "192.0.2.2", port: 53 }]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
