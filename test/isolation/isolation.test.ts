import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, readlinkSync, statSync, chownSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { capabilityMask, DEFAULT_CAPABILITIES } from "#kernel/capabilities.ts";
import { ownerIdMap } from "#runtime-node/container/id-map.ts";
import type { LaunchMount } from "#runtime-node/launch/container-launch.ts";
import { ScratchNode } from "../containers/scratch-node.ts";

let node: ScratchNode;
beforeAll(() => {
  node = new ScratchNode();
});
afterAll(async () => {
  await node[Symbol.asyncDispose]();
});

const status = (text: string): Record<string, string> =>
  Object.fromEntries(
    text.split("\n").flatMap((line) => (line.includes(":") ? [line.split(/:\s*/, 2) as [string, string]] : [])),
  );

describe("a container by default", () => {
  it("has namespaces of its own: pid, mount, network, UTS, IPC, cgroup and user", async () => {
    const names = ["pid", "mnt", "net", "uts", "ipc", "cgroup", "user"];
    const { stdout } = await node.sh(`for n in ${names.join(" ")}; do readlink /proc/self/ns/$n; done`);
    const inside = stdout.trim().split("\n");
    expect(inside).toHaveLength(names.length);
    names.forEach((name, index) => expect(inside[index]).not.toBe(readlinkSync(`/proc/self/ns/${name}`)));
  });

  it("is PID 1 of its own processes and sees no other", async () => {
    const { stdout } = await node.sh("echo $$; ls /proc | grep -E '^[0-9]+$' | wc -l");
    const [pid, count] = stdout.trim().split("\n").map(Number);
    expect(pid).toBe(1);
    expect(count).toBeLessThanOrEqual(5);
  });

  it("is root inside and an unprivileged user outside", async () => {
    await using container = await node.start({ command: ["/bin/sleep", "60"] });
    const outside = status(readFileSync(`/proc/${container.pid}/status`, "utf8"));
    expect(outside["Uid"]).toBe(Array(4).fill(container.idBase).join("\t"));
    expect(container.idBase).toBeGreaterThan(65_535);
    const inside = await node.exec(container, ["/bin/id", "-u"]);
    expect(inside.stdout.trim()).toBe("0");
  });

  it("gets no id outside its own 65,536", async () => {
    const { stdout } = await node.sh("cat /proc/self/uid_map");
    expect(stdout.trim().split(/\s+/).map(Number)).toEqual([0, expect.any(Number), 65_536]);
    const other = await node.sh("cat /proc/self/uid_map");
    expect(other.stdout).not.toBe(stdout);
  });

  it("has exactly Docker's default capabilities, in the five sets", async () => {
    const { stdout } = await node.sh("cat /proc/self/status");
    const expected = capabilityMask(DEFAULT_CAPABILITIES).toString(16).padStart(16, "0");
    const sets = status(stdout);
    expect(sets).toMatchObject({ CapPrm: expected, CapEff: expected, CapBnd: expected });
    expect(sets).toMatchObject({ CapInh: "0".repeat(16), CapAmb: "0".repeat(16) });
  });

  it("leaves an ordinary user the bounding set and nothing else", async () => {
    const { stdout } = await node.sh("cat /proc/self/status; id", { user: { uid: 1000, gid: 1000, groups: [50] } });
    const sets = status(stdout);
    expect(sets).toMatchObject({ CapPrm: "0".repeat(16), CapEff: "0".repeat(16), CapInh: "0".repeat(16) });
    expect(sets["CapBnd"]).toBe(capabilityMask(DEFAULT_CAPABILITIES).toString(16).padStart(16, "0"));
    expect(stdout).toContain("uid=1000(web) gid=1000(web) groups=50(staff)");
  });

  it("adds and drops what it is told to", async () => {
    const { stdout } = await node.sh("cat /proc/self/status", { capAdd: ["NET_ADMIN"], capDrop: ["ALL"] });
    expect(status(stdout)["CapEff"]).toBe(capabilityMask(["NET_ADMIN"]).toString(16).padStart(16, "0"));
  });

  it("is filtered by seccomp and can gain no privileges", async () => {
    const { stdout } = await node.sh("cat /proc/self/status");
    expect(status(stdout)).toMatchObject({ Seccomp: "2", NoNewPrivs: "1" });
  });

  it("is refused what Docker's policy refuses, by seccomp itself", async () => {
    // With every capability its user namespace can give, so that only the filter can say no.
    const { stdout, stderr } = await node.sh("unshare -U true; echo $?");
    expect(stdout.trim()).not.toBe("0");
    expect(stderr).toContain("Operation not permitted");
  });

  it("leads a session of its own and has no terminal", async () => {
    await using container = await node.start({ command: ["/bin/sleep", "60"] });
    const [, , , , , session, tty] = readFileSync(`/proc/${container.pid}/stat`, "utf8").split(" ").map(Number);
    expect(session).toBe(container.pid);
    expect(tty).toBe(0);
  });

  it("does not share the session keyring of who started it", async () => {
    const { stdout } = await node.sh("cat /proc/keys 2>/dev/null | wc -c");
    expect(stdout.trim()).toBe("0");
  });

  it("has a root with nothing of the old one", async () => {
    const { stdout } = await node.sh("ls / ; cat /proc/self/mountinfo");
    expect(stdout).not.toContain(node.folder.split("/").at(-1) + "/run");
    const mounts = stdout.split("\n").filter((line) => line.includes(" - "));
    const targets = mounts.map((line) => line.split(" ")[4]);
    expect(targets.filter((target) => target === "/")).toHaveLength(1);
    expect(mounts.every((line) => !line.split(" ").slice(6).join(" ").split(" - ")[0]?.includes("shared:"))).toBe(true);
  });

  it("has a minimal /dev, with terminals and shared memory of its own", async () => {
    const { stdout } = await node.sh(
      "ls /dev; stat -f -c %T /dev/pts /dev/shm; echo x > /dev/null && head -c 4 /dev/zero | wc -c; ls /dev/pts",
    );
    expect(stdout.split("\n").slice(0, 16)).toEqual(
      expect.arrayContaining(["fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "tty", "urandom", "zero"]),
    );
    expect(stdout).not.toMatch(/^(vda|sda|mem|kmsg|loop0)$/m);
    expect(stdout).toContain("devpts\ntmpfs\n4\n");
  });

  it("masks what of /proc and /sys belongs to the machine, and may write none of the rest", async () => {
    const { stdout } = await node.sh(
      [
        "for f in /proc/kcore /proc/keys /proc/timer_list /proc/interrupts; do [ -e $f ] && wc -c < $f; done",
        "for d in /proc/acpi /proc/scsi /sys/firmware; do [ -e $d ] && ls $d | wc -l; done",
        "for f in /proc/sys/kernel/hostname /proc/sysrq-trigger /sys/kernel/uevent_seqnum /sys/fs/cgroup/x; do (echo x > $f) 2>/dev/null && echo wrote $f; done",
        "true",
      ].join("\n"),
    );
    expect(
      stdout
        .trim()
        .split("\n")
        .every((line) => line === "0"),
    ).toBe(true);
  });

  it("shows its cgroup as the root of the tree, read-only", async () => {
    const { stdout } = await node.sh("cat /proc/self/cgroup; grep cgroup /proc/self/mountinfo");
    const groups = stdout.split("\n").filter((line) => /^\d+:/.test(line));
    const limited = groups.filter((line) => /memory|pids|^0::/.test(line));
    expect(limited.length).toBeGreaterThan(0);
    expect(limited.every((line) => line.endsWith(":/"))).toBe(true);
    expect(stdout).toMatch(/ \/sys\/fs\/cgroup\S* ro,/);
  });

  it("has the host name it was given", async () => {
    const { stdout } = await node.sh("hostname", { hostname: "web-1" });
    expect(stdout.trim()).toBe("web-1");
  });

  it("reads its image through idmapped layers that nobody copied or chowned", async () => {
    const { stdout } = await node.sh("stat -c '%u %g' /bin/busybox; grep ' / / ' /proc/self/mountinfo");
    expect(stdout).toContain("0 0\n");
    expect(statSync(join(node.folder, "layer/bin/busybox")).uid).toBe(0);
  });

  it("writes to its own upper directory as its own root, and not to the image", async () => {
    const { stdout } = await node.sh("echo changed > /bin/new; stat -c %u /bin/new");
    expect(stdout.trim()).toBe("0");
    expect(() => statSync(join(node.folder, "layer/bin/new"))).toThrow("ENOENT");
  });

  it("cannot write to a read-only root, but to a tmpfs over it", async () => {
    const { stdout } = await node.sh("echo x > /root-file; echo x > /scratch/file && echo ok", {
      readOnly: true,
      mounts: [{ kind: "tmpfs", target: "/scratch", sizeBytes: 65_536, mode: 0o1777 }],
    });
    expect(stdout.trim()).toBe("ok");
  });
});

describe("a bind mount", () => {
  const bind = (source: string, readOnly = false, idBase: number): LaunchMount => {
    const { uid, gid } = statSync(source);
    return {
      kind: "bind",
      source,
      target: "/data",
      file: false,
      readOnly,
      idmap: ownerIdMap(idBase, { uid, gid }),
      recursive: false,
      propagation: "private",
      targetExists: false,
    };
  };

  it("gives what the container's root writes to the directory's owner", async () => {
    const source = join(node.folder, "owned");
    mkdirSync(source);
    chownSync(source, 1234, 1234);
    const idBase = 0x6000_0000;
    const { stdout } = await node.sh("stat -c %u /data; echo x > /data/file; stat -c %u /data/file", {
      idBase,
      mounts: [bind(source, false, idBase)],
    });
    expect(stdout).toBe("0\n0\n");
    expect(statSync(join(source, "file")).uid).toBe(1234);
  });

  it("is read-only when asked, and never setuid or a device", async () => {
    const source = join(node.folder, "read-only");
    mkdirSync(source);
    const idBase = 0x6001_0000;
    const { stdout, status: exit } = await node.sh("grep ' /data ' /proc/self/mountinfo; echo x > /data/file", {
      idBase,
      mounts: [bind(source, true, idBase)],
    });
    expect(exit.code).not.toBe(0);
    expect(stdout).toMatch(/ \/data ro,nosuid,nodev/);
  });
});

describe("the machine", () => {
  it("has no mount of ours while a container runs", async () => {
    await using container = await node.start({ command: ["/bin/sleep", "60"] });
    expect(container.pid).toBeGreaterThan(0);
    const host = execFileSync("cat", [`/proc/${process.ppid}/mountinfo`], { encoding: "utf8" });
    expect(host).not.toContain(node.folder);
  });
});
