import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Trace, TraceQuery, TraceSpan, TraceSummary } from "#contracts/trace.ts";
import type { SpanRow } from "./flatten-batch.ts";
import { OPENING, SCHEMA, SCHEMA_VERSION } from "./span-schema.ts";
import type { FoundTrace } from "./store-protocol.ts";

/** A trace that something goes on adding to must not fill the store alone. */
const MOST_SPANS_OF_A_TRACE = 10_000;
const MOST_MATCHES = 10;

/** The tables of traces and spans, in one file. Every call is synchronous, and throws what SQLite says. */
export class SpanDatabase implements Disposable {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /** Opens the file, making it on first use. Throws when it is damaged, or of another version. */
  constructor(path: string) {
    this.#database = new DatabaseSync(path, { timeout: 1_000 });
    try {
      this.#database.exec(OPENING);
      const { user_version: version } = this.#one("PRAGMA user_version") as { user_version: number };
      if (version === 0) this.#database.exec(`BEGIN;${SCHEMA}COMMIT;`);
      else if (version !== SCHEMA_VERSION) throw new Error(`it is of version ${version}, not ${SCHEMA_VERSION}`);
      this.#one("SELECT count(*) AS n FROM (SELECT 1 FROM traces LIMIT 1)");
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  /** Stores spans, all or none; those that are there already stay. Returns how many were too many of their trace. */
  add(rows: readonly SpanRow[]): number {
    let dropped = 0;
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      for (const [traceId, own] of Map.groupBy(rows, (row) => row.traceId)) dropped += this.#addToTrace(traceId, own);
      this.#database.exec("COMMIT");
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
    return dropped;
  }

  list({ project, service, since, limit }: TraceQuery): TraceSummary[] {
    const conditions = [
      ...(project === undefined ? [] : ["project = :project"]),
      ...(since === undefined ? [] : ["start_ns >= :since"]),
      ...(service === undefined
        ? []
        : ["EXISTS (SELECT 1 FROM spans WHERE spans.trace = traces.id AND spans.service = :service)"]),
    ];
    const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
    const rows = this.#statement(
      `SELECT trace_id, name, project, start_ns / 1000000 AS start_ms, end_ns - start_ns AS duration_ns, spans, errors
       FROM traces ${where} ORDER BY start_ns DESC, id DESC LIMIT :limit`,
    ).all({
      limit,
      ...(project === undefined ? {} : { project }),
      ...(service === undefined ? {} : { service }),
      ...(since === undefined ? {} : { since: BigInt(Date.parse(since)) * 1_000_000n }),
    });
    return rows.map((row) => toSummary(row as unknown as TraceRow));
  }

  /** The trace whose id begins with `prefix` (hex); where several do, their ids. */
  find(prefix: string): FoundTrace {
    const rows = this.#statement("SELECT id, trace_id FROM traces WHERE trace_id >= ? AND trace_id < ? LIMIT ?").all(
      prefix,
      `${prefix}g`,
      MOST_MATCHES,
    ) as { id: number; trace_id: string }[];
    const matches = rows.map(({ trace_id: traceId }) => traceId);
    const [only] = rows;
    if (only === undefined || rows.length > 1) return { matches };
    return { matches, trace: this.#whole(only.id, only.trace_id) };
  }

  /** Removes traces whose last span is older than this, then the oldest while the file is larger than it may be. */
  trim(olderThanMs: number, maxBytes: number): void {
    this.#remove("end_ns < ?", BigInt(Math.trunc(olderThanMs)) * 1_000_000n);
    for (let size = this.bytes; size > maxBytes;) {
      this.#remove("id IN (SELECT id FROM traces ORDER BY end_ns LIMIT ?)", 64);
      this.#database.exec("PRAGMA incremental_vacuum");
      const { bytes } = this;
      if (bytes >= size) return;
      size = bytes;
    }
  }

  /** The file's size, without what is still in the write-ahead log. */
  get bytes(): number {
    const { page_count: pages } = this.#one("PRAGMA page_count") as { page_count: number };
    const { page_size: size } = this.#one("PRAGMA page_size") as { page_size: number };
    return pages * size;
  }

  [Symbol.dispose](): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #addToTrace(traceId: string, rows: readonly SpanRow[]): number {
    const known = this.#statement("SELECT id, spans FROM traces WHERE trace_id = ?").get(traceId) as
      | { id: number; spans: number }
      | undefined;
    const room = MOST_SPANS_OF_A_TRACE - (known?.spans ?? 0);
    const kept = rows.slice(0, Math.max(0, room));
    if (kept.length === 0) return rows.length;
    const id = known?.id ?? this.#beginTrace(traceId, kept);
    const news = kept.filter((row) => this.#insert(id, row));
    for (const row of news) this.#keepUp(id, row);
    return rows.length - kept.length;
  }

  #beginTrace(traceId: string, [first]: readonly SpanRow[]): number {
    const { name, startNs } = first as SpanRow;
    const { lastInsertRowid } = this.#statement(
      "INSERT INTO traces (trace_id, name, rooted, start_ns, end_ns, spans, errors) VALUES (?, ?, 0, ?, ?, 0, 0)",
    ).run(traceId, name, startNs, startNs);
    return Number(lastInsertRowid);
  }

  /** False for a span that is there already: a batch whose answer was lost is sent again. */
  #insert(trace: number, row: SpanRow): boolean {
    const { changes } = this.#statement(
      `INSERT OR IGNORE INTO spans VALUES (:trace, :spanId, :parentId, :name, :process, :project, :service, :startNs, :durationNs, :status,
         :message, :attributes, :events, :links)`,
    ).run({ trace, ...named(row) });
    return changes === 1;
  }

  /** The name is the root's, else that of the earliest span. */
  #keepUp(id: number, { name, parentId, project, startNs, durationNs, status }: SpanRow): void {
    this.#statement(
      `UPDATE traces SET
         name = CASE WHEN :root THEN :name WHEN rooted THEN name WHEN :start < start_ns THEN :name ELSE name END,
         rooted = rooted OR :root,
         project = coalesce(project, :project),
         start_ns = min(start_ns, :start),
         end_ns = max(end_ns, :end),
         spans = spans + 1,
         errors = errors + :errors
       WHERE id = :id`,
    ).run({
      id,
      root: parentId === null ? 1 : 0,
      name,
      project,
      start: startNs,
      end: startNs + BigInt(durationNs),
      errors: status === 2 ? 1 : 0,
    });
  }

  #whole(id: number, traceId: string): Trace {
    const rows = this.#statement(
      `SELECT span_id, parent_id, name, process, CAST(start_ns AS TEXT) AS start_ns, duration_ns, status, message,
              attributes, events, links
       FROM spans WHERE trace = ? ORDER BY spans.start_ns, rowid`,
    ).all(id);
    return { traceId, spans: rows.map((row) => toSpan(row as unknown as StoredSpan)) };
  }

  #remove(condition: string, value: bigint | number): void {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      this.#statement(`DELETE FROM spans WHERE trace IN (SELECT id FROM traces WHERE ${condition})`).run(value);
      this.#statement(`DELETE FROM traces WHERE ${condition}`).run(value);
      this.#database.exec("COMMIT");
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  #one(sql: string): unknown {
    return this.#statement(sql).get();
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) this.#statements.set(sql, (statement = this.#database.prepare(sql)));
    return statement;
  }
}

/** By their names in the statement, `traceId` left out: SQLite refuses a name that it does not know. */
function named({ traceId: _traceId, ...columns }: SpanRow): Omit<SpanRow, "traceId"> {
  return columns;
}

interface TraceRow {
  trace_id: string;
  name: string;
  project: string | null;
  start_ms: number;
  duration_ns: number;
  spans: number;
  errors: number;
}

function toSummary(row: TraceRow): TraceSummary {
  const { trace_id: traceId, name, project, start_ms: startMs, duration_ns: durationNs, spans, errors } = row;
  return { traceId, name, project, startedAt: new Date(startMs).toISOString(), durationNs, spans, errors };
}

interface StoredSpan {
  span_id: string;
  parent_id: string | null;
  name: string;
  process: string;
  start_ns: string;
  duration_ns: number;
  status: number;
  message: string | null;
  attributes: string;
  events: string;
  links: string;
}

function toSpan(row: StoredSpan): TraceSpan {
  return {
    spanId: row.span_id,
    parentSpanId: row.parent_id,
    name: row.name,
    process: row.process,
    startUnixNano: row.start_ns,
    durationNs: row.duration_ns,
    status: (["unset", "ok", "error"] as const)[row.status] ?? "unset",
    message: row.message,
    attributes: JSON.parse(row.attributes) as TraceSpan["attributes"],
    events: JSON.parse(row.events) as TraceSpan["events"],
    links: JSON.parse(row.links) as TraceSpan["links"],
  };
}
