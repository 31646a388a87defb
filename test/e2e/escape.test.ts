import { execFile } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import type { VolumeInfo } from "#contracts/api.ts";
import { composeFile, shellService } from "./apps.ts";
import type { TestProject } from "./project.ts";
import { usePlatform } from "./use-platform.ts";

const platform = usePlatform();
const NOBODY = { uid: 65_534, gid: 65_534 };
const run = promisify(execFile);
let attacker: TestProject;
let victim: TestProject;

/** Stays up, and serves TCP on 7000 for the neighbours. */
const SERVING = `exec perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(Listen => 5, LocalPort => 7000, ReuseAddr => 1); while ($c = $s->accept) { print $c "here"; close $c }'`;

beforeAll(async () => {
  const compose = composeFile(
    {
      evil: shellService("exec sleep infinity", { volumes: ["kept:/kept", "./shared:/shared"] }),
      ro: shellService("exec sleep infinity", { volumes: ["./shared:/shared:ro"] }),
      peer: shellService(SERVING),
    },
    { volumes: { kept: {} } },
  );
  attacker = await platform().compose(compose, "evil");
  await mkdir(join(attacker.folder, "shared"));
  // A folder of root's that anybody on the host may enter: where a set-id file would be an elevator.
  await chmod(attacker.folder, 0o755);
  await chmod(join(attacker.folder, "shared"), 0o755);
  victim = await platform().compose(composeFile({ web: shellService(SERVING) }), "good");
  await Promise.all([attacker.up(), victim.up()]);
}, 120_000);

/** What a TCP server at the address says to a container, or `nothing`. */
async function heard(service: string, address: string, port: number): Promise<string> {
  const perl = `use IO::Socket::INET; $s = IO::Socket::INET->new(PeerAddr => "${address}", PeerPort => ${port}, Timeout => 2) or do { print "nothing"; exit }; $SIG{ALRM} = sub { print "silence"; exit }; alarm 2; print <$s>`;
  return (await attacker.exec(service, "perl", "-e", perl)).stdout;
}

test("a file in a directory of the host cannot be made set-user-id, nor be given capabilities", async () => {
  const chmods = await attacker.exec(
    "evil",
    "sh",
    "-c",
    "cp /bin/true /shared/x && chmod 755 /shared/x && chmod 4755 /shared/x",
  );
  expect(chmods).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("Operation not permitted") as string });
  const direct = await attacker.exec(
    "evil",
    "perl",
    "-e",
    `umask 0; use Fcntl; sysopen(F, "/shared/y", O_CREAT | O_RDWR, 04755) or print "$!"`,
  );
  expect(direct.stdout).toBe("Operation not permitted");
  expect((await stat(join(attacker.folder, "shared/x"))).mode & 0o7777).toBe(0o755);
  const setfcap = async (service: string): Promise<bigint> =>
    (BigInt(`0x${/CapBnd:\s+(\w+)/.exec(await attacker.sh(service, "cat /proc/self/status"))![1]!}`) >> 31n) & 1n;
  expect([await setfcap("evil"), await setfcap("ro")]).toEqual([0n, 1n]);
});

test("a set-user-id file in a volume is out of reach for everybody on the host but root", async () => {
  await attacker.sh("ro", "true");
  const [volume] = await platform().json<VolumeInfo[]>(["volume", "inspect", "evil_kept"]);
  await attacker.sh("evil", "cp /bin/true /kept/x && chmod 755 /kept/x");
  const path = join(volume!.path!, "x");
  expect((await stat(dirname(dirname(path)))).mode & 0o077).toBe(0);
  await expect(run(path, [], NOBODY)).rejects.toMatchObject({ code: "EACCES" });
});

test("a link that a container leaves in a directory of the host leads no mount elsewhere, its own neighbour's neither", async () => {
  const secret = await platform().scratch("secret");
  await writeFile(join(secret, "key"), "the host's");
  const source = join(attacker.folder, "shared/inner");
  const next = await platform().compose(
    composeFile({ reader: shellService("exec sleep infinity", { volumes: [`${source}:/inner`] }) }),
    "next",
  );
  await next.up();
  expect(await next.sh("reader", "echo own > /inner/key; cat /inner/key")).toBe("own");
  await next.down();
  await attacker.sh("evil", `mv /shared/inner /shared/aside && ln -s ${secret} /shared/inner`);
  expect(await next.tryUp()).toMatchObject({
    exitCode: 1,
    stderr: expect.stringMatching(/shared\/inner.*SLIPWAY_CONTAINER_BIND_SOURCE_LINK/s) as string,
  });
  await next.down();
  expect(await readdir(secret)).toEqual(["key"]);
  await attacker.sh("evil", "rm /shared/inner");
});

test("another project's container is not reached, a neighbour of its own is", async () => {
  const address = async (project: TestProject, service: string): Promise<string> => (await project.instance(service)).ip!;
  expect(await heard("evil", await address(attacker, "peer"), 7_000)).toBe("here");
  expect(await heard("evil", await address(victim, "web"), 7_000)).toBe("nothing");
});

test("a service of the host is reached neither at the bridge's address nor at the messaging address", async () => {
  const server = createServer((socket) => socket.end("host")).listen(0, "0.0.0.0");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const gateway = (await attacker.sh("evil", "cat /etc/resolv.conf")).match(/nameserver (\S+)/)![1]!;
  const [, messaging = ""] = /nats:\/\/([\d.]+):/.exec(await attacker.sh("evil", "env")) ?? [];
  try {
    expect(messaging).not.toBe("");
    for (const address of [gateway, messaging]) expect(await heard("evil", address, port)).toBe("nothing");
    // NATS's monitoring ports, where its manual puts them.
    for (const monitoring of [8_222, 7_777, 6_222]) expect(await heard("evil", messaging, monitoring)).toBe("nothing");
  } finally {
    server.close();
  }
});

test("the API's sockets, the supervisor's and other instances' credentials are not there", async () => {
  const found = await attacker.sh("evil", "find / -xdev -type s 2>/dev/null; find /run -type f 2>/dev/null");
  expect(found.split("\n").filter((line) => line !== "")).toEqual(["/run/slipway/nats.creds"]);
  const [own, other] = await Promise.all([attacker.sh("evil", "cat $NATS_CREDS"), victim.sh("web", "cat $NATS_CREDS")]);
  expect(own).not.toBe(other);
  const { home } = platform();
  expect((await attacker.exec("evil", "ls", home)).exitCode).not.toBe(0);
  expect((await stat(home)).mode & 0o077).toBe(0);
});
