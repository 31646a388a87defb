import { beforeAll, expect, test } from "vitest";
import type { RecordedEvent } from "#contracts/event.ts";
import { composeFile, shellService } from "../e2e/apps.ts";
import type { TestProject } from "../e2e/project.ts";
import { until } from "../e2e/until.ts";
import { usePlatform } from "../e2e/use-platform.ts";

const platform = usePlatform();
const IDLE = "exec sleep infinity";
/** Answers each line of `ask` with its number, over the project's network. */
const WITNESS = `exec perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(Listen => 64, LocalPort => 7000, ReuseAddr => 1); $n = 0; while ($c = $s->accept) { print $c ++$n, "\\n"; print STDOUT "answered $n\\n"; STDOUT->flush; close $c }'`;
const ASK = `use IO::Socket::INET; for (1 .. 20) { $s = IO::Socket::INET->new(PeerAddr => "witness", PeerPort => 7000, Timeout => 30) or die "no answer: $@"; print <$s>; close $s }`;
let witness: TestProject;
let asked = 0;

beforeAll(async () => {
  const compose = composeFile({ witness: shellService(WITNESS), asker: shellService(IDLE) });
  witness = await platform().compose(compose, "witness");
  await witness.up();
}, 120_000);

/** Twenty questions, each with a name to look up and a connection, are answered in order; the node answers, too. */
async function expectNobodyNotices(): Promise<void> {
  const { stdout, stderr } = await witness.exec("asker", "perl", "-e", ASK);
  expect({ stdout, stderr }).toEqual({
    stdout: Array.from({ length: 20 }, (_, index) => `${asked + index + 1}\n`).join(""),
    stderr: "",
  });
  asked += 20;
  const log = await platform().ok(["logs", "-p", "witness", "-n", "1", "witness"]);
  expect(log).toContain(`answered ${asked}`);
  expect(await platform().ok(["ps"])).toContain("witness-witness-1");
}

const eventOf = async (type: string, subject: string): Promise<RecordedEvent["event"] | undefined> => {
  const events = await platform().json<RecordedEvent[]>(["events"]);
  return events
    .map(({ event }) => event)
    .find((event) => event.type === `dev.slipway.${type}` && event.subject === subject);
};
const untilEvent = (type: string, subject: string) =>
  until(
    () => eventOf(type, subject),
    (event) => event !== undefined,
  );

async function deploy(name: string, line: string, more: object = {}): Promise<TestProject> {
  const project = await platform().compose(composeFile({ [name]: shellService(line, more) }), name);
  // Whatever it says of a hog that is dead already.
  await platform().slipway(["up", "-d", "-f", project.file, "-p", name]);
  return project;
}

test("a fork bomb ends at its own limit of processes, which is there without being asked for", async () => {
  // Each goes on when it cannot fork: a shell's bomb ends by itself where the limit is met.
  const project = await deploy("bomb", "exec perl -e 'fork // sleep 60 while 1'");
  await until(
    () => project.exec("bomb", "true"),
    // No room for another process: the limit is reached.
    ({ exitCode, stderr }) => exitCode !== 0 || stderr !== "",
  );
  await expectNobodyNotices();
  await project.down();
  expect((await untilEvent("instance.pids-limit-reached", "bomb/bomb/bomb-bomb-1"))?.data).toMatchObject({ limit: 2_048 });
}, 90_000);

test("a memory hog is killed at its limit, alone", async () => {
  const project = await deploy("hog", `exec perl -e 'my @x; push @x, "x" x 1_000_000 while 1'`, { mem_limit: "64m" });
  expect((await untilEvent("instance.oom-killed", "hog/hog/hog-hog-1"))?.data).toMatchObject({
    memoryBytes: 64 * 1024 ** 2,
  });
  await expectNobodyNotices();
  await project.down();
}, 60_000);

test("a flood of output is held back, and the others' lines come", async () => {
  const project = await deploy("flood", "exec yes 0123456789012345678901234567890123456789012345678901234567890123456789");
  expect(await untilEvent("instance.output-throttled", "flood/flood/flood-flood-1")).toBeDefined();
  await expectNobodyNotices();
  await project.down();
}, 60_000);

test("a flood of name queries leaves the others their names", async () => {
  const query = `use IO::Socket::INET; open F, "/etc/resolv.conf"; ($ns) = join("", <F>) =~ /nameserver (\\S+)/; $s = IO::Socket::INET->new(PeerAddr => $ns, PeerPort => 53, Proto => "udp"); $q = pack("nnnnnn", 7, 0x100, 1, 0, 0, 0) . join("", map { chr(length) . $_ } "x$$", "example", "invalid") . "\\0" . pack("nn", 1, 1); print "begun\\n"; STDOUT->flush; send($s, $q, 0) while 1`;
  const project = await deploy("queries", `exec perl -e '${query}'`);
  await until(
    () => platform().ok(["logs", "-p", "queries"]),
    (log) => log.includes("begun"),
  );
  await expectNobodyNotices();
  const told = await untilEvent("instance.queries-throttled", "queries/queries/queries-queries-1");
  expect(told?.data).toMatchObject({ network: "queries_default" });
  await project.down();
}, 60_000);

test("a hundred thousand files in a volume hold nobody up, and go with it", async () => {
  const make = `perl -e 'for (1 .. 100_000) { open F, ">", "/many/$_" or die $! }'; echo made; ${IDLE}`;
  const project = await platform().compose(
    composeFile({ files: shellService(make, { volumes: ["many:/many"] }) }, { volumes: { many: {} } }),
    "files",
  );
  await platform().ok(["up", "-d", "-f", project.file, "-p", "files"]);
  await expectNobodyNotices();
  await until(
    () => platform().ok(["logs", "-p", "files"]),
    (log) => log.includes("made"),
    60_000,
  );
  await Promise.all([expectNobodyNotices(), platform().ok(["volume", "ls"])]);
  await project.down("-v");
  expect(await platform().ok(["volume", "ls"])).not.toContain("files_many");
}, 120_000);
