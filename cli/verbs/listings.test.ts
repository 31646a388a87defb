import { afterAll, beforeAll, expect, test } from "vitest";
import { ContractServer } from "../testing/contract-server.ts";
import { runInProcess } from "../testing/run-in-process.ts";
import { sampleInstance } from "../testing/samples.ts";

const web = sampleInstance({ ports: [{ hostIp: "0.0.0.0", hostPort: 8080, containerPort: 80, protocol: "tcp" }] });
const job = sampleInstance({
  instanceId: "ffffffffffff",
  name: "shop-job-1",
  service: "job",
  state: "exited",
  health: "none",
  exitCode: 137,
  oomKilled: true,
  pid: null,
  ip: null,
});
const plan = {
  instanceId: web.instanceId,
  steps: [
    { where: "host", name: "root", call: 'openat(AT_FDCWD, "/x", O_PATH)', result: 7, errno: null, microseconds: 8 },
    { where: "child", name: "root", call: "setsid()", result: 1, errno: null, microseconds: 3.4 },
    { where: "child", name: "mounts", call: 'mount("proc", "/proc")', result: -1, errno: "EPERM", microseconds: 12 },
    { where: "child", name: "exec", call: 'execve("/bin/true")', result: null, errno: null, microseconds: null },
  ],
};
const doctorChecks = [
  { id: "cgroup", verdict: "ok", found: "v2", means: "", remedy: "" },
  {
    id: "nftables",
    verdict: "missing",
    found: "no nf_tables module",
    means: "Networks do not work.",
    remedy: "modprobe nf_tables",
  },
];

let server: ContractServer;
beforeAll(async () => {
  server = await ContractServer.start({
    "GET /v1/instances": ({ query }) => ({ json: query.get("all") === "true" ? [web, job] : [web] }),
    "GET /v1/instances/0123456789ab": () => ({ json: { observed: web, spec: null } }),
    "GET /v1/instances/shop%2Fweb/plan": () => ({ json: plan }),
    "GET /v1/images": () => ({
      json: [
        {
          reference: "example/web:1",
          digest: `sha256:${"a".repeat(64)}`,
          layers: 3,
          sizeBytes: 12_345_678,
          createdAt: null,
        },
      ],
    }),
    "DELETE /v1/images": ({ query }) =>
      query.get("reference") === "example/web:1" ? { status: 204 } : { status: 404, json: {} },
    "GET /v1/volumes": () => ({
      json: [
        {
          name: "shop_data",
          project: "shop",
          driver: "local",
          path: "/v",
          usedBytes: 1000,
          createdAt: web.createdAt,
          usedBy: ["shop-web-1"],
        },
      ],
    }),
    "GET /v1/ca": () => ({
      type: "application/x-pem-file",
      text: "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n",
    }),
    "GET /v1/doctor": () => ({ json: doctorChecks }),
  });
});
afterAll(async () => server[Symbol.asyncDispose]());

test("ps is a table with ports and health", async () => {
  const { stdout, exitCode } = await runInProcess(["ps"], { server });
  expect(exitCode).toBe(0);
  expect(stdout.split("\n")[0]).toMatch(/^ID +NAME +IMAGE +STATE +HEALTH +UP +IP +PORTS$/);
  expect(stdout.split("\n")[1]).toMatch(
    /^0123456789ab +shop-web-1 +host +running +healthy +\d+[smhd] +10\.90\.0\.2 +0\.0\.0\.0:8080→80\/tcp$/,
  );
  expect(stdout.split("\n")).toHaveLength(3);
});

test("ps -a shows what has ended, and why", async () => {
  expect((await runInProcess(["ps", "-a"], { server })).stdout).toMatch(
    /shop-job-1 +host +exited \(out of memory\) +- +- +- +-\n/,
  );
});

test("ps -o json is an array with the promised keys", async () => {
  const listed = JSON.parse((await runInProcess(["ps", "-a", "-o", "json"], { server })).stdout) as object[];
  const keys = ["id", "name", "project", "service", "state", "health", "exitCode", "pid", "ip", "image", "startedAt"];
  expect(listed).toHaveLength(2);
  for (const instance of listed) expect(Object.keys(instance)).toEqual(expect.arrayContaining(keys));
  expect(listed[1]).toMatchObject({ id: web.instanceId, pid: 4711, exitCode: null });
});

test("inspect takes an id or a name, and --plan prints as strace does", async () => {
  expect(JSON.parse((await runInProcess(["inspect", "shop-web-1"], { server })).stdout)).toEqual([
    { observed: web, spec: null },
  ]);
  expect((await runInProcess(["inspect", "web", "--plan"], { server })).stdout)
    .toBe(`[host]  openat(AT_FDCWD, "/x", O_PATH) = 7 <0.000008>  # root
[child] setsid() = 1 <0.000003>  # root
[child] mount("proc", "/proc") = -1 EPERM <0.000012>  # mounts
[child] execve("/bin/true") = ? (not reached)  # exec
`);
});

test("images and volumes are listed for people and for programs", async () => {
  expect((await runInProcess(["image", "ls"], { server })).stdout).toMatch(/example\/web:1 +sha256:a{12} +3 +12\.3MB +-/);
  expect((await runInProcess(["volume", "ls"], { server })).stdout).toMatch(
    /shop_data +shop +local +1\.0kB +\d+d +shop-web-1/,
  );
  expect(JSON.parse((await runInProcess(["volume", "ls", "-o", "json"], { server })).stdout)).toMatchObject([
    { name: "shop_data", usedBytes: 1000 },
  ]);
  expect((await runInProcess(["image", "rm", "example/web:1"], { server })).stdout).toBe("example/web:1\n");
});

test("ca show prints the certificate", async () => {
  expect((await runInProcess(["ca", "show"], { server })).stdout).toBe(
    "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n",
  );
});

test("doctor says what is missing and what to do, and exits with 1", async () => {
  const { stdout, exitCode } = await runInProcess(["doctor"], { server });
  expect(exitCode).toBe(1);
  expect(stdout).toBe(
    "✔ cgroup: v2\n✖ nftables: no nf_tables module\n    Networks do not work.\n    → modprobe nf_tables\n",
  );
});
