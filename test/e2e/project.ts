import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { CommandOptions, CommandResult } from "./command.ts";
import type { Listed, TestPlatform } from "./platform.ts";

/** A Compose project in a folder of its own. */
export class TestProject implements AsyncDisposable {
  readonly name: string;
  readonly folder: string;
  readonly #platform: TestPlatform;

  constructor(platform: TestPlatform, name: string, folder: string) {
    this.#platform = platform;
    this.name = name;
    this.folder = folder;
  }

  get file(): string {
    return join(this.folder, "compose.yaml");
  }

  /** Replaces its Compose file, or another of its files. */
  write(content: string, path = "compose.yaml"): Promise<void> {
    return writeFile(join(this.folder, path), content);
  }

  /** `up --wait`, which must succeed. */
  up(options: CommandOptions = {}): Promise<string> {
    return this.#platform.ok(["up", "-f", this.file, "-p", this.name, "--wait"], options);
  }

  /** `up --wait`, whatever comes of it. */
  tryUp(options: CommandOptions = {}): Promise<CommandResult> {
    return this.#platform.slipway(["up", "-f", this.file, "-p", this.name, "--wait"], options);
  }

  down(...flags: string[]): Promise<string> {
    return this.#platform.ok(["down", "-p", this.name, ...flags]);
  }

  ps(): Promise<Listed[]> {
    return this.#platform.ps("-p", this.name);
  }

  /** Its only instance of a service. */
  async instance(service: string): Promise<Listed> {
    const found = (await this.ps()).filter((one) => one.service === service);
    if (found.length !== 1) throw new Error(`${this.name}/${service} has ${found.length} instances`);
    return found[0]!;
  }

  /** Runs a command in a service's container; its result. */
  exec(service: string, ...command: string[]): Promise<CommandResult> {
    return this.#platform.slipway(["exec", `${this.name}/${service}`, ...command]);
  }

  /** A shell line in a service's container, which must succeed; its trimmed stdout. */
  async sh(service: string, line: string): Promise<string> {
    return (await this.#platform.ok(["exec", `${this.name}/${service}`, "sh", "-c", line])).trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down("-v");
  }
}
