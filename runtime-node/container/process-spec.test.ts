import { describe, expect, it } from "vitest";
import { environmentStrings, execCandidates, resolveArgv, resolveEnvironment } from "./process-spec.ts";

const image = { env: [], entrypoint: ["/entry"], command: ["serve"], workingDir: "" };
const argv = (spec: { entrypoint?: string[]; command?: string[] }, from = image) =>
  resolveArgv({ name: "web", ...spec }, from);

describe("a process's argv", () => {
  it.each([
    ["the image's entrypoint and command", {}, ["/entry", "serve"]],
    ["the image's entrypoint with the service's command", { command: ["test"] }, ["/entry", "test"]],
    ["the service's entrypoint, which puts the image's command aside", { entrypoint: ["/own"] }, ["/own"]],
    ["the service's own of both", { entrypoint: ["/own"], command: ["x"] }, ["/own", "x"]],
    ["no entrypoint, when the service empties it", { entrypoint: [], command: ["x"] }, ["x"]],
    ["no command, when the service empties it", { command: [] }, ["/entry"]],
  ])("is %s", (_, spec, expected) => {
    expect(argv(spec)).toEqual(expected);
  });

  it("is refused when neither names anything", () => {
    expect(() => argv({ entrypoint: [] }, { ...image, command: [] })).toThrow('"web" has no command');
  });
});

describe("a process's environment", () => {
  const resolve = (env: string[], platform = {}, service = {}): string[] =>
    environmentStrings(resolveEnvironment({ env }, platform, service));

  it("is the image's, then the platform's, then the service's own, each name once", () => {
    expect(resolve(["A=image", "B=image", "C=image"], { B: "platform", C: "platform" }, { C: "service" })).toEqual([
      expect.stringMatching(/^PATH=/),
      "A=image",
      "B=platform",
      "C=service",
    ]);
  });

  it("has a PATH, and the image's when it says one", () => {
    expect(resolve([])).toEqual(["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]);
    expect(resolve(["PATH=/own"])).toEqual(["PATH=/own"]);
  });

  it("keeps what stands after the first equals sign, be it empty, and leaves out what has none", () => {
    expect(resolve(["PATH=/p", "OPTIONS=a=b", "EMPTY=", "BARE", "=odd"])).toEqual(["PATH=/p", "OPTIONS=a=b", "EMPTY="]);
  });
});

describe("the paths to try for a command", () => {
  it.each([
    ["/bin/web", "/usr/bin", ["/bin/web"]],
    ["./web", "/usr/bin", ["./web"]],
    ["web", "/usr/bin:/bin", ["/usr/bin/web", "/bin/web"]],
    ["web", "/usr/bin::/bin", ["/usr/bin/web", "./web", "/bin/web"]],
    ["web", "", ["./web"]],
  ])("for %j with PATH %j are %j", (command, path, expected) => {
    expect(execCandidates(command, path)).toEqual(expected);
  });

  it("are those of the default PATH when there is none", () => {
    expect(execCandidates("web", undefined)).toContain("/usr/bin/web");
  });
});
