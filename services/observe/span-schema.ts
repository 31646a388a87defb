/** Counts up with every change of the tables: a file of another version is set aside, as a damaged one is. */
export const SCHEMA_VERSION = 1;

/** A trace's own row is kept up with its spans, so that a list needs no sums. Times are nanoseconds since the epoch. */
export const SCHEMA = `
CREATE TABLE traces (
  id INTEGER PRIMARY KEY,
  trace_id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  rooted INTEGER NOT NULL,
  project TEXT,
  start_ns INTEGER NOT NULL,
  end_ns INTEGER NOT NULL,
  spans INTEGER NOT NULL,
  errors INTEGER NOT NULL
) STRICT;
CREATE INDEX traces_by_start ON traces (start_ns);
CREATE INDEX traces_by_end ON traces (end_ns);
CREATE TABLE spans (
  trace INTEGER NOT NULL REFERENCES traces (id),
  span_id TEXT NOT NULL,
  parent_id TEXT,
  name TEXT NOT NULL,
  process TEXT NOT NULL,
  project TEXT,
  service TEXT,
  start_ns INTEGER NOT NULL,
  duration_ns INTEGER NOT NULL,
  status INTEGER NOT NULL,
  message TEXT,
  attributes TEXT NOT NULL,
  events TEXT NOT NULL,
  links TEXT NOT NULL,
  UNIQUE (trace, span_id)
) STRICT;
CREATE INDEX spans_by_service ON spans (service, trace) WHERE service IS NOT NULL;
PRAGMA user_version = ${SCHEMA_VERSION};
`;

/**
 * The write-ahead log is synced when it is folded in, not at each commit: a kill loses nothing, a power cut the last moments. Space
 * that deleted traces held goes back to the disk.
 */
export const OPENING = `
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA journal_size_limit = 4194304;
PRAGMA wal_autocheckpoint = 512;
PRAGMA cache_size = -1024;
PRAGMA temp_store = MEMORY;
`;
