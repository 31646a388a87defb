import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

/** The folder that a guest shares with us: what it is to do, and what it has to say. */
export class Job implements AsyncDisposable {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async create(): Promise<Job> {
    return new Job(await mkdtemp(join(tmpdir(), "slipway-vm-")));
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** For a shell in the guest to read with `.`. */
  async writeSettings(settings: Readonly<Record<string, string>>): Promise<void> {
    const lines = Object.entries(settings).map(([name, value]) => `export ${name}=${quote(value)}\n`);
    await writeFile(this.path("settings"), lines.join(""));
  }

  async writeCommand(command: readonly string[]): Promise<void> {
    await writeFile(this.path("command.sh"), `exec ${command.map(quote).join(" ")}\n`);
  }

  /** The command's exit code; undefined when the guest died or ran out of time before it had one. */
  async readExitCode(): Promise<number | undefined> {
    const text = await readFile(this.path("exit-code"), "utf8").catch(() => undefined);
    return text === undefined ? undefined : Number(text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
