import { watch } from "node:fs";
import { findLastLines } from "./last-lines.ts";
import { type LogHub, processLogHub } from "./log-hub.ts";
import { positionAt } from "./log-position.ts";
import { decodeRecord, isUpTo, type LogPosition, type StoredLogRecord } from "./log-record.ts";
import { type LogSegment, openSegments } from "./log-segments.ts";
import { SegmentReader } from "./segment-reader.ts";

/** A follower that is slower than rotation keeps so many deleted files alive, no more: it must not fill the disk. */
const QUEUED_SEGMENTS_MAX = 16;

/** The files of a log that are still to be read, and what happens to them meanwhile. */
export class OpenLog implements Disposable {
  readonly #directory: string;
  readonly #resources = new DisposableStack();
  readonly #segments: LogSegment[] = [];
  #reader: SegmentReader | undefined;
  #lastInode: number | undefined;
  #change = Promise.withResolvers<void>();

  constructor(directory: string, follow: boolean, hub: LogHub = processLogHub) {
    this.#directory = directory;
    this.#resources.defer(() => {
      for (const segment of this.#segments) segment[Symbol.dispose]();
    });
    if (!follow) return;
    this.#resources.use(hub.subscribe(directory, (change) => this.#onChange(change === "rotated")));
    if (hub.isCaptured(directory)) return;
    const watcher = watch(directory, () => this.#onChange(true));
    this.#resources.defer(() => watcher.close());
  }

  start(tail: number | undefined): void {
    this.refresh();
    if (tail === undefined || this.#segments.length === 0) return;
    const { index, offset } = findLastLines(this.#segments, tail);
    for (const skipped of this.#segments.splice(0, index)) skipped[Symbol.dispose]();
    const [first] = this.#segments;
    if (first !== undefined) this.#reader = new SegmentReader(first, offset);
  }

  /** Leaves out the files that a reader who came this far has read whole. */
  startAfter(position: LogPosition): void {
    this.refresh();
    const isBefore = (segment: LogSegment): boolean => isUpTo(positionAt(segment, 0) ?? position, position);
    const first = this.#segments.findLastIndex((segment) => segment.size > 0 && isBefore(segment));
    for (const skipped of this.#segments.splice(0, Math.max(0, first))) skipped[Symbol.dispose]();
  }

  /** Opens the files that came since the last time. */
  refresh(): void {
    this.#segments.push(...openSegments(this.#directory, this.#lastInode));
    this.#lastInode = this.#segments.at(-1)?.inode ?? this.#lastInode;
    // The first one is being read.
    const surplus = Math.max(0, this.#segments.length - QUEUED_SEGMENTS_MAX);
    for (const dropped of this.#segments.splice(1, surplus)) dropped[Symbol.dispose]();
  }

  /** Everything up to the end of the newest file. */
  async *readAvailable(signal: AbortSignal): AsyncIterable<StoredLogRecord> {
    for (let segment = this.#segments[0]; segment !== undefined && !signal.aborted; segment = this.#segments[0]) {
      this.#reader ??= new SegmentReader(segment, 0);
      // Looked at before reading: a file that has a successor now gets no more lines.
      const isComplete = this.#segments.length > 1;
      for await (const line of this.#reader.lines()) {
        const record = decodeRecord(line);
        if (record !== undefined) yield record;
      }
      if (!isComplete) {
        if (this.#segments.length === 1) return;
        continue;
      }
      this.#segments.shift();
      this.#reader = undefined;
      segment[Symbol.dispose]();
    }
  }

  /** Resolves when something changed since the last call. */
  async changed(...signals: (AbortSignal | undefined)[]): Promise<void> {
    const change = this.#change;
    const wake = (): void => change.resolve();
    const given = signals.filter((signal) => signal !== undefined);
    for (const signal of given) {
      if (signal.aborted) wake();
      signal.addEventListener("abort", wake, { once: true });
    }
    try {
      await change.promise;
    } finally {
      for (const signal of given) signal.removeEventListener("abort", wake);
      if (this.#change === change) this.#change = Promise.withResolvers();
    }
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }

  #onChange(filesChanged: boolean): void {
    if (filesChanged || this.#segments.length === 0) this.refresh();
    this.#change.resolve();
  }
}
