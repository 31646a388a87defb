import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ScratchServer } from "../testing/scratch-server.ts";
import { openAccountAuthority } from "./account-authority.ts";

const run = promisify(execFile);
let packages: string;
let missing: string | undefined;

beforeAll(async () => {
  packages = await mkdtemp(join(tmpdir(), "slipway-python-"));
  const pip = ["-m", "pip", "install", "-q", "--disable-pip-version-check", "--target", packages, "nats-py[nkeys]"];
  await run("python3", pip, { timeout: 50_000 }).catch((error: Error) => (missing = error.message));
});
afterAll(() => rm(packages, { recursive: true, force: true }));

const PROGRAM = `
import asyncio, sys, nats

async def main(url, answering_creds, asking_creds):
    async def quiet(error): pass
    answering = await nats.connect(url, user_credentials=answering_creds, error_cb=quiet)
    asking = await nats.connect(url, user_credentials=asking_creds, error_cb=quiet)
    async def answer(message): await message.respond(b"hello " + message.data)
    await answering.subscribe("greet", cb=answer)
    await answering.flush()
    print((await asking.request("greet", b"python", timeout=2)).data.decode())
    try:
        await answering.request("greet", b"undeclared", timeout=0.3)
        print("answered")
    except Exception as error:
        print(type(error).__name__)
    await asking.close()
    await answering.close()

asyncio.run(main(*sys.argv[1:]))
`;

test("an unmodified Python client asks and answers with its credentials, and is refused the rest", async ({ skip }) => {
  skip(missing !== undefined, `nats-py cannot be installed here: ${missing}`);
  await using server = await ScratchServer.start();
  await using authority = await openAccountAuthority({ url: server.url, keys: server.home.keys });
  const nothing = { publishes: [], subscribes: [], requests: [], serves: [] };
  const files = { answering: join(packages, "answering.creds"), asking: join(packages, "asking.creds") };
  for (const [name, declared] of [
    ["answering", { serves: ["greet"] }] as const,
    ["asking", { requests: ["greet"] }] as const,
  ]) {
    const permissions = { ...nothing, ...declared };
    const instanceId = name === "answering" ? "0000000000a1" : "0000000000a2";
    const { creds } = await authority.issue({ project: "py", instanceId, service: name, permissions, expiresInMs: 60_000 });
    await writeFile(files[name], creds, { mode: 0o600 });
  }
  const environment = { env: { ...process.env, PYTHONPATH: packages } };
  const { stdout } = await run("python3", ["-c", PROGRAM, server.url, files.answering, files.asking], environment);
  expect(stdout.trim().split("\n")).toEqual(["hello python", "TimeoutError"]);
});
