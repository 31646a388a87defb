import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LinuxKernel } from "#kernel/linux-kernel.ts";
import { RecordingKernel } from "#kernel/recording-kernel.ts";
import { readRootFile } from "./root-file.ts";

const isRoot = process.getuid?.() === 0;

describe("a file of a root that is not mounted yet", () => {
  const kernel = new LinuxKernel();
  let folder: string;
  let layers: string[];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "slipway-root-"));
    layers = [join(folder, "top"), join(folder, "bottom")];
    for (const layer of layers) mkdirSync(join(layer, "etc"), { recursive: true });
    writeFileSync(join(folder, "secret"), "the host's");
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const write = (layer: number, path: string, text: string): void => {
    mkdirSync(dirname(join(layers[layer] ?? "", path)), { recursive: true });
    writeFileSync(join(layers[layer] ?? "", path), text);
  };
  const read = (path = "/etc/passwd"): string => readRootFile(kernel, layers, path);

  it("comes from the uppermost layer that has it", () => {
    write(1, "etc/passwd", "bottom");
    expect(read()).toBe("bottom");
    write(0, "etc/passwd", "top");
    expect(read()).toBe("top");
  });

  it("is empty where no layer has it", () => {
    expect(read()).toBe("");
    expect(readRootFile(kernel, [join(folder, "nowhere")], "/etc/passwd")).toBe("");
  });

  it.skipIf(!isRoot)("is empty where a layer has deleted it (skipped without root)", () => {
    write(1, "etc/passwd", "bottom");
    execFileSync("mknod", [join(layers[0] ?? "", "etc/passwd"), "c", "0", "0"]);
    expect(read()).toBe("");
  });

  it("is found through the layer's own links", () => {
    write(0, "usr/share/passwd", "linked");
    symlinkSync("/usr/share/passwd", join(layers[0] ?? "", "etc/passwd"));
    expect(read()).toBe("linked");
  });

  it("is never the host's, wherever a link leads", () => {
    const link = join(layers[0] ?? "", "etc/passwd");
    for (const target of [
      "../../secret",
      join(folder, "secret"),
      "../../../../../../../../etc/hostname",
      "/proc/self/environ",
    ]) {
      symlinkSync(target, link);
      expect(read()).toBe("");
      rmSync(link);
    }
  });

  it("does not keep anybody waiting when it is a FIFO, and has no content when it is a directory", () => {
    execFileSync("mkfifo", [join(layers[0] ?? "", "etc/passwd")]);
    expect(read()).toBe("");
    expect(read("/etc")).toBe("");
  });

  it("is read to its end, however little the kernel gives at once", () => {
    write(0, "etc/passwd", "root:x:0:0");
    const short = {
      call: kernel.call.bind(kernel),
      attempt: (...[name, ...args]: Parameters<typeof kernel.attempt>): number =>
        name === "read" ? kernel.attempt(name, ...args.with(2, 3)) : kernel.attempt(name, ...args),
    };
    expect(readRootFile(short, layers, "/etc/passwd")).toBe("root:x:0:0");
  });

  it("leaves no fd open, be it there, absent or unreadable", () => {
    write(1, "etc/passwd", "bottom");
    const before = readdirSync("/proc/self/fd").length;
    read();
    read("/etc/nope");
    readRootFile(new RecordingKernel(kernel).answer("read", "EIO"), layers, "/etc/passwd");
    expect(readdirSync("/proc/self/fd")).toHaveLength(before);
  });
});
