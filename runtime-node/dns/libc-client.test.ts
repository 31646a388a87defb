import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { createDnsServer } from "./dns-server.ts";
import { NameTable } from "./name-table.ts";

const run = promisify(execFile);
const ADDRESS = "127.0.53.1";
const isRoot = process.getuid?.() === 0;

it.skipIf(!isRoot)(
  "libc finds a service by its short and its long name (skipped without root: port 53, a mount of its own)",
  async () => {
    const names = new NameTable();
    names.add({
      network: "shop_default",
      project: "shop",
      instanceId: "0123456789ab",
      instanceName: "shop-web-1",
      service: "web",
      aliases: [],
      address: "10.90.0.2",
      ports: [],
      healthy: true,
    });
    await using scope = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), "slipway-dns-"));
    scope.defer(() => rm(folder, { recursive: true }));
    scope.use(await createDnsServer({ kernel: new LinuxKernel(), bindAddress: ADDRESS, network: "shop_default", names }));
    const resolvConf = join(folder, "resolv.conf");
    await writeFile(resolvConf, `nameserver ${ADDRESS}\n`);

    const inOwnMounts = (command: string) =>
      run("unshare", ["--mount", "sh", "-c", `mount --bind ${resolvConf} /etc/resolv.conf && ${command}`]);
    for (const name of ["web", "web.shop", "shop-web-1"]) {
      const { stdout } = await inOwnMounts(`getent ahosts ${name}`);
      expect(stdout.split("\n").filter((line) => line.includes("STREAM"))).toEqual([
        expect.stringMatching(/^10\.90\.0\.2 +STREAM/),
      ]);
    }
    expect((await inOwnMounts("getent hosts 10.90.0.2")).stdout).toMatch(/^10\.90\.0\.2 +shop-web-1\n$/);
    await expect(inOwnMounts("getent ahosts db")).rejects.toMatchObject({ code: 2 });
  },
);
