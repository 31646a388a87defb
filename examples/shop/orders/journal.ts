import { constants, type FileHandle, open } from "node:fs/promises";

export interface NewOrder {
  item: string;
  quantity: number;
  cents?: number;
}

export interface Order extends NewOrder {
  number: number;
  time: string;
}

/**
 * Orders, one JSON object a line. A line counts when it is whole: the last one of a journal whose machine lost power may not be, and
 * is cut off. Nothing else is ever changed.
 */
export class Journal {
  readonly #file: FileHandle;
  #size: number;
  #writing: Promise<unknown> = Promise.resolve();
  /** All of them, the oldest first. */
  readonly orders: Order[];

  constructor(file: FileHandle, size: number, orders: Order[]) {
    this.#file = file;
    this.#size = size;
    this.orders = orders;
  }

  static async open(path: string): Promise<Journal> {
    const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    const text = await file.readFile("utf8");
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    const size = Buffer.byteLength(whole);
    await file.truncate(size);
    return new Journal(file, size, parseLines(whole));
  }

  /** Gives the order its number and time; resolves when it is on disk. One after the other. */
  append(order: NewOrder): Promise<Order> {
    const appended = this.#writing.then(async () => {
      const numbered = { number: this.orders.length + 1, time: new Date().toISOString(), ...order };
      const line = Buffer.from(`${JSON.stringify(numbered)}\n`);
      await this.#file.write(line, 0, line.byteLength, this.#size);
      await this.#file.datasync();
      this.#size += line.byteLength;
      this.orders.push(numbered);
      return numbered;
    });
    this.#writing = appended.catch(() => {});
    return appended;
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#file.close();
  }
}

function parseLines(text: string): Order[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Order);
}
