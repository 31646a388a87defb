import { readFileSync } from "node:fs";
import { writeDurably } from "./instance-record.ts";

/**
 * The host's directories that a container could ever write to through a bind mount: whatever lies in them may have been put there to
 * mislead, also when the container is gone. Real paths, kept in a file.
 */
export class ExposedDirectories {
  readonly #file: string;
  #paths: readonly string[];
  #written: Promise<void> = Promise.resolve();

  private constructor(file: string, paths: readonly string[]) {
    this.#file = file;
    this.#paths = paths;
  }

  static open(file: string): ExposedDirectories {
    return new ExposedDirectories(file, readPaths(file));
  }

  /** Whether a container could have made an entry of this directory. */
  contains(directory: string): boolean {
    return this.#paths.some((exposed) => directory === exposed || directory.startsWith(`${exposed}/`));
  }

  /** Resolves when it is on the disk. To whom `/` is given the machine is, and nothing is left to be kept from it. */
  async add(directory: string): Promise<void> {
    if (directory !== "/" && !this.contains(directory)) {
      this.#paths = [...this.#paths.filter((path) => !path.startsWith(`${directory}/`)), directory];
      this.#written = this.#written.catch(() => {}).then(() => writeDurably(this.#file, JSON.stringify(this.#paths)));
    }
    await this.#written;
  }
}

function readPaths(file: string): string[] {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as string[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
