"""The schema, as the ordered list of the steps that made it.

A step is never edited once it has been released: a change is a new step at the end. Each is recorded by name, so a
database that holds a name which is not in the list was written by a newer version and is left alone.

Statements are SQLite's; postgresql/dialect.py puts the types of columns into PostgreSQL's words. What the two spell
differently (triggers, mostly) stands here in both ways.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from beastmode.store.faults import StoreError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable

    from beastmode.store.connection import Connection


class Spelled(NamedTuple):
    """A statement in both ways; '' where one of the two needs none, as what mends rows of the first SQLite files."""

    sqlite: str
    postgresql: str


@dataclass(frozen=True, slots=True)
class Migration:
    """One step: its recorded name, and the statements that run in one transaction."""

    name: str
    statements: tuple[str | Spelled, ...]

    def on_sqlite(self) -> list[str]:
        """The statements for SQLite."""
        return [each if isinstance(each, str) else each.sqlite for each in self.statements]

    def on_postgresql(self, translated: Callable[[str], str]) -> list[str]:
        """The statements for PostgreSQL."""
        found = [translated(each) if isinstance(each, str) else each.postgresql for each in self.statements]
        return [each for each in found if each]


MIGRATIONS: tuple[Migration, ...] = (
    Migration(
        "m001_registry",
        (
            # Prices are dated facts: a new price is a new row, or history would be priced anew.
            """CREATE TABLE prices (
                id INTEGER PRIMARY KEY,
                model TEXT NOT NULL,
                input TEXT NOT NULL,      -- US dollars per million tokens, decimal
                output TEXT NOT NULL,
                as_of TEXT NOT NULL,      -- ISO date
                source TEXT NOT NULL
            )""",
            "CREATE INDEX prices_by_model ON prices (model, as_of)",
            Spelled(
                """CREATE TRIGGER prices_are_never_changed BEFORE UPDATE ON prices
                    BEGIN SELECT RAISE(ABORT, 'prices are append-only'); END""",
                """CREATE FUNCTION prices_are_append_only() RETURNS trigger LANGUAGE plpgsql
                    AS $$ BEGIN RAISE EXCEPTION 'prices are append-only'; END $$""",
            ),
            Spelled(
                """CREATE TRIGGER prices_are_never_deleted BEFORE DELETE ON prices
                    BEGIN SELECT RAISE(ABORT, 'prices are append-only'); END""",
                """CREATE TRIGGER prices_are_never_changed BEFORE UPDATE OR DELETE ON prices
                    FOR EACH ROW EXECUTE FUNCTION prices_are_append_only()""",
            ),
            """CREATE TABLE models (
                id TEXT PRIMARY KEY,
                name TEXT NOT NULL,
                provider TEXT NOT NULL,
                endpoint_url TEXT NOT NULL,
                upstream_id TEXT NOT NULL,
                chat_format TEXT,
                fim_format TEXT,
                fim_template TEXT,        -- JSON
                description TEXT NOT NULL,
                context_window INTEGER NOT NULL,
                max_tokens INTEGER NOT NULL,
                temperature REAL NOT NULL,
                price_id INTEGER REFERENCES prices (id)
            )""",
            # The key of a task, or '*' for every task. The built-in model is no row, hence no foreign key.
            "CREATE TABLE routes (task TEXT PRIMARY KEY, model_id TEXT NOT NULL)",
            """CREATE TABLE sealed_keys (
                model_id TEXT PRIMARY KEY REFERENCES models (id) ON DELETE CASCADE,
                key_id TEXT NOT NULL,
                nonce BLOB NOT NULL,
                ciphertext BLOB NOT NULL,
                origin TEXT NOT NULL
            )""",
            "CREATE TABLE vault_meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
            """CREATE TABLE registry_generation (
                only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
                generation INTEGER NOT NULL
            )""",
            "INSERT INTO registry_generation VALUES (1, 0)",
        ),
    ),
    Migration(
        "m002_attempts",
        (
            """CREATE TABLE attempts (
                id TEXT PRIMARY KEY,
                request_id TEXT NOT NULL,
                task TEXT NOT NULL,
                model TEXT NOT NULL,
                provider TEXT NOT NULL,
                origin TEXT NOT NULL,
                reason TEXT NOT NULL,
                started_at REAL NOT NULL,  -- Unix seconds
                outcome TEXT NOT NULL,
                total_s REAL NOT NULL,
                connect_s REAL,
                first_token_s REAL,
                error_kind TEXT,
                error TEXT,
                input_tokens INTEGER,
                output_tokens INTEGER,
                cache_read_tokens INTEGER,
                cache_write_tokens INTEGER,
                reasoning_tokens INTEGER,
                estimated INTEGER NOT NULL,
                cost_nano INTEGER,         -- nano-dollars; NULL where no price is known
                accepted_at REAL           -- Unix seconds; NULL where the user did not take it
            )""",
            "CREATE INDEX attempts_by_time ON attempts (started_at)",
            "CREATE INDEX attempts_by_request ON attempts (request_id)",
            "CREATE INDEX attempts_by_model ON attempts (model, started_at)",
        ),
    ),
    Migration(
        "m003_ledger",
        (
            "ALTER TABLE attempts ADD COLUMN queue_s REAL NOT NULL DEFAULT 0",
            "ALTER TABLE attempts ADD COLUMN cached INTEGER NOT NULL DEFAULT 0",
            "ALTER TABLE attempts ADD COLUMN masked INTEGER NOT NULL DEFAULT 0",
            "ALTER TABLE attempts ADD COLUMN price_id INTEGER REFERENCES prices (id)",
            "ALTER TABLE attempts ADD COLUMN tokens_cost_nano INTEGER",  # cost_nano less its GPU hours
            "ALTER TABLE attempts ADD COLUMN baseline_cost_nano INTEGER",
            "ALTER TABLE attempts ADD COLUMN baseline_price_id INTEGER REFERENCES prices (id)",
            "UPDATE attempts SET tokens_cost_nano = cost_nano",
            # Rows whose baseline's price was not known when they were written; hardly any, so the index costs nothing.
            """CREATE INDEX attempts_to_compare ON attempts (started_at)
                WHERE baseline_cost_nano IS NULL AND input_tokens IS NOT NULL AND output_tokens IS NOT NULL""",
            # The sums of the attempts of one hour: written in the transaction that writes the attempt.
            """CREATE TABLE rollups (
                hour INTEGER NOT NULL,    -- Unix seconds at which the UTC hour began
                model TEXT NOT NULL,
                task TEXT NOT NULL,
                outcome TEXT NOT NULL,
                attempts INTEGER NOT NULL,
                accepted INTEGER NOT NULL,
                cached INTEGER NOT NULL,
                masked INTEGER NOT NULL,
                estimated INTEGER NOT NULL,     -- attempts whose tokens were counted by us
                unpriced INTEGER NOT NULL,      -- attempts that reached a model and whose cost is not known
                uncompared INTEGER NOT NULL,    -- attempts that reached a model and whose baseline cost is not known
                input_tokens INTEGER NOT NULL,
                output_tokens INTEGER NOT NULL,
                cache_read_tokens INTEGER NOT NULL,
                cache_write_tokens INTEGER NOT NULL,
                reasoning_tokens INTEGER NOT NULL,
                cost_nano INTEGER NOT NULL,
                tokens_cost_nano INTEGER NOT NULL,
                baseline_cost_nano INTEGER NOT NULL,
                estimated_cost_nano INTEGER NOT NULL,      -- of tokens_cost_nano, what stands on an estimate
                estimated_baseline_nano INTEGER NOT NULL,  -- of baseline_cost_nano, the same
                total_s BLOB NOT NULL,          -- of whole answers; see ledger/sketch.py
                first_token_s BLOB NOT NULL,
                PRIMARY KEY (hour, model, task, outcome)
            ) WITHOUT ROWID""",
            # What is there already is summed up, but its times are not: their sketches are not made by SQL.
            Spelled(
                """INSERT INTO rollups SELECT CAST(started_at / 3600 AS INTEGER) * 3600, model, task, outcome,
                COUNT(*), COUNT(accepted_at) FILTER (WHERE outcome = 'ok'), 0, 0, SUM(estimated),
                COUNT(*) FILTER (WHERE cost_nano IS NULL AND connect_s IS NOT NULL),
                COUNT(*) FILTER (WHERE connect_s IS NOT NULL),
                COALESCE(SUM(input_tokens), 0), COALESCE(SUM(output_tokens), 0),
                COALESCE(SUM(cache_read_tokens), 0), COALESCE(SUM(cache_write_tokens), 0),
                COALESCE(SUM(reasoning_tokens), 0),
                COALESCE(SUM(cost_nano), 0), COALESCE(SUM(cost_nano), 0), 0,
                COALESCE(SUM(cost_nano) FILTER (WHERE estimated), 0), 0, x'', x''
                FROM attempts GROUP BY 1, 2, 3, 4""",
                "",
            ),
        ),
    ),
    Migration(
        "m004_routes_and_providers",
        (
            "ALTER TABLE models ADD COLUMN local_only INTEGER NOT NULL DEFAULT 0",
            "ALTER TABLE models ADD COLUMN max_concurrent INTEGER",
            "ALTER TABLE prices ADD COLUMN cache_read TEXT",  # US dollars per million tokens; NULL: as input
            "ALTER TABLE prices ADD COLUMN cache_write TEXT",
            "ALTER TABLE prices ADD COLUMN gpu_hour TEXT NOT NULL DEFAULT '0'",  # US dollars per busy hour
            # A route is a chain: the selected model at position 0, the fallbacks after it.
            "ALTER TABLE routes RENAME TO routes_before_m004",
            """CREATE TABLE routes (
                task TEXT NOT NULL,       -- or '*' for every task
                position INTEGER NOT NULL DEFAULT 0,
                model_id TEXT NOT NULL,
                PRIMARY KEY (task, position),
                UNIQUE (task, model_id)
            )""",
            "INSERT INTO routes (task, model_id) SELECT task, model_id FROM routes_before_m004",
            "DROP TABLE routes_before_m004",
            "CREATE TABLE hard_models (task TEXT PRIMARY KEY, model_id TEXT NOT NULL)",
            """CREATE TABLE policy (
                only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
                allow_paid_fallback INTEGER NOT NULL,
                daily_cap TEXT,           -- US dollars, decimal; NULL: none
                monthly_cap TEXT
            )""",
            "INSERT INTO policy VALUES (1, 0, NULL, NULL)",
            # A key belongs to a model's row or to a provider, which is no row: triggers do what the foreign key did.
            "ALTER TABLE sealed_keys RENAME TO sealed_keys_before_m004",
            """CREATE TABLE sealed_keys (
                model_id TEXT PRIMARY KEY,  -- or the id of a provider
                key_id TEXT NOT NULL,
                nonce BLOB NOT NULL,
                ciphertext BLOB NOT NULL,
                origin TEXT NOT NULL
            )""",
            "INSERT INTO sealed_keys SELECT model_id, key_id, nonce, ciphertext, origin FROM sealed_keys_before_m004",
            "DROP TABLE sealed_keys_before_m004",
            Spelled(
                """CREATE TRIGGER a_key_needs_its_model BEFORE INSERT ON sealed_keys
                    WHEN NEW.model_id LIKE 'custom:%' AND NOT EXISTS (SELECT 1 FROM models WHERE id = NEW.model_id)
                    BEGIN SELECT RAISE(ABORT, 'a key needs its model'); END""",
                """CREATE FUNCTION a_key_needs_its_model() RETURNS trigger LANGUAGE plpgsql AS $$
                    BEGIN
                        IF NEW.model_id LIKE 'custom:%' AND NOT EXISTS (SELECT 1 FROM models WHERE id = NEW.model_id)
                        THEN RAISE EXCEPTION 'a key needs its model';
                        END IF;
                        RETURN NEW;
                    END $$;
                CREATE TRIGGER a_key_needs_its_model BEFORE INSERT ON sealed_keys
                    FOR EACH ROW EXECUTE FUNCTION a_key_needs_its_model()""",
            ),
            Spelled(
                """CREATE TRIGGER a_key_goes_with_its_model AFTER DELETE ON models
                    BEGIN DELETE FROM sealed_keys WHERE model_id = OLD.id; END""",
                """CREATE FUNCTION a_key_goes_with_its_model() RETURNS trigger LANGUAGE plpgsql
                    AS $$ BEGIN DELETE FROM sealed_keys WHERE model_id = OLD.id; RETURN OLD; END $$;
                CREATE TRIGGER a_key_goes_with_its_model AFTER DELETE ON models
                    FOR EACH ROW EXECUTE FUNCTION a_key_goes_with_its_model()""",
            ),
        ),
    ),
    Migration(
        "m005_answers",
        (
            # See router/answers.py; empty unless the user wants answers kept on disk.
            """CREATE TABLE answers (
                key TEXT PRIMARY KEY,     -- a hash
                events BLOB NOT NULL,     -- JSON
                bytes INTEGER NOT NULL,
                kept_at REAL NOT NULL     -- Unix seconds
            )""",
            "CREATE INDEX answers_by_time ON answers (kept_at, bytes)",
        ),
    ),
    Migration(
        "m006_prefill",
        (
            # Whether the model goes on with an answer that is begun; NULL: as is usual for its chat format.
            "ALTER TABLE models ADD COLUMN prefill INTEGER",
        ),
    ),
    Migration(
        "m007_feedback",
        (
            # See ledger/feedback.py: a row for every time that a suggestion was shown.
            """CREATE TABLE feedback (
                id TEXT PRIMARY KEY,
                request_id TEXT NOT NULL,  -- whose answer it was; one answer may be shown several times
                model TEXT NOT NULL,
                language TEXT NOT NULL,
                trigger TEXT NOT NULL,     -- automatic, explicit
                shown_at REAL NOT NULL,    -- Unix seconds
                shown_chars INTEGER NOT NULL,
                outcome TEXT,              -- NULL: still shown, or never known
                used_chars INTEGER NOT NULL,
                typed_chars INTEGER NOT NULL,
                used_at REAL,
                kept_30s INTEGER,          -- thousandths of what was used; NULL: not known
                kept_5min INTEGER
            )""",
            "CREATE INDEX feedback_by_request ON feedback (request_id)",
            # The sums of a quarter of an hour, written with the rows: every time zone's midnight begins one.
            """CREATE TABLE feedback_sums (
                quarter INTEGER NOT NULL,  -- Unix seconds at which it began
                model TEXT NOT NULL,
                language TEXT NOT NULL,
                trigger TEXT NOT NULL,
                shown INTEGER NOT NULL,
                accepted INTEGER NOT NULL,
                partial INTEGER NOT NULL,
                typed INTEGER NOT NULL,
                rejected INTEGER NOT NULL,
                ignored INTEGER NOT NULL,
                shown_chars INTEGER NOT NULL,
                used_chars INTEGER NOT NULL,
                typed_chars INTEGER NOT NULL,
                kept_30s INTEGER NOT NULL,     -- thousandths, added up
                known_30s INTEGER NOT NULL,    -- over how many
                kept_5min INTEGER NOT NULL,
                known_5min INTEGER NOT NULL,
                PRIMARY KEY (quarter, model, language, trigger)
            ) WITHOUT ROWID""",
            # What is only counted; see ledger/tally.py.
            """CREATE TABLE tallies (
                quarter INTEGER NOT NULL,
                kind TEXT NOT NULL,        -- silence, memory
                name TEXT NOT NULL,        -- the reason; hit, miss
                model TEXT NOT NULL,
                language TEXT NOT NULL,
                trigger TEXT NOT NULL,
                count INTEGER NOT NULL,
                PRIMARY KEY (quarter, kind, name, model, language, trigger)
            ) WITHOUT ROWID""",
            # A suggestion counts against the baseline with the share of it that was used; see ledger/rows.py.
            "ALTER TABLE attempts ADD COLUMN used INTEGER",  # thousandths of the answer's text; NULL: none
            "UPDATE attempts SET used = 1000 WHERE accepted_at IS NOT NULL",
            """UPDATE rollups SET baseline_cost_nano = 0, estimated_baseline_nano = 0, uncompared = 0
                WHERE task = 'inline'""",
            Spelled(
                """UPDATE rollups SET (baseline_cost_nano, estimated_baseline_nano, uncompared) = (
                    SELECT COALESCE(SUM(baseline_cost_nano), 0),
                        COALESCE(SUM(baseline_cost_nano) FILTER (WHERE estimated), 0),
                        COUNT(*) FILTER (WHERE connect_s IS NOT NULL AND baseline_cost_nano IS NULL)
                    FROM attempts WHERE attempts.model = rollups.model AND attempts.task = rollups.task
                        AND attempts.outcome = rollups.outcome AND used IS NOT NULL
                        AND started_at >= hour AND started_at < hour + 3600)
                WHERE task = 'inline' AND accepted > 0""",
                "",
            ),
        ),
    ),
    Migration(
        "m008_chat",
        (
            # See tasks/chat/history.py; `beastmode chat --no-history` writes none of it.
            """CREATE TABLE chat_sessions (
                id TEXT PRIMARY KEY,
                title TEXT NOT NULL,
                workspace TEXT NOT NULL,   -- where it began, an absolute path, or ''
                created_at REAL NOT NULL,  -- Unix seconds
                used_at REAL NOT NULL
            )""",
            "CREATE INDEX chat_sessions_by_use ON chat_sessions (used_at)",
            # A question and its answer: one row, written when the answer has ended or broken off.
            """CREATE TABLE chat_turns (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                session_id TEXT NOT NULL REFERENCES chat_sessions (id) ON DELETE CASCADE,
                asked_at REAL NOT NULL,    -- Unix seconds
                question TEXT NOT NULL,
                answer TEXT NOT NULL,      -- as far as it came
                ended TEXT NOT NULL,       -- why: stop, length, …, stopped, failed
                error TEXT NOT NULL,
                model TEXT NOT NULL,
                request_id TEXT NOT NULL,  -- the attempts that it took
                sources TEXT NOT NULL,     -- JSON: which lines of which files the model was shown; never their text
                total_s REAL NOT NULL,
                first_s REAL,
                input_tokens INTEGER,
                output_tokens INTEGER,
                estimated INTEGER NOT NULL,
                cost_nano INTEGER          -- nano-dollars; NULL where no price is known
            )""",
            "CREATE INDEX chat_turns_by_session ON chat_turns (session_id, id)",
        ),
    ),
    Migration(
        "m009_edit_format",
        (
            # How the model says what is to change in files, see tasks/edits; NULL: as is usual.
            "ALTER TABLE models ADD COLUMN edit_format TEXT",
        ),
    ),
    Migration(
        "m010_consents",
        (
            """CREATE TABLE consents (
                workspace TEXT NOT NULL,   -- its real path
                kind TEXT NOT NULL,        -- what is run, see tasks/verify/consent.py
                allowed INTEGER NOT NULL,
                decided_at TEXT NOT NULL,
                PRIMARY KEY (workspace, kind)
            )""",
        ),
    ),
    Migration(
        "m011_users",
        (
            # Who asked; '' is the owner of this machine. Quoted, for without quotes PostgreSQL means a user of its own.
            """ALTER TABLE attempts ADD COLUMN "user" TEXT NOT NULL DEFAULT ''""",
            "ALTER TABLE rollups RENAME TO rollups_before_m011",
            # As before, with `user` in the key; what the columns mean is said at m003.
            """CREATE TABLE rollups (
                hour INTEGER NOT NULL,
                model TEXT NOT NULL,
                task TEXT NOT NULL,
                outcome TEXT NOT NULL,
                "user" TEXT NOT NULL,
                attempts INTEGER NOT NULL,
                accepted INTEGER NOT NULL,
                cached INTEGER NOT NULL,
                masked INTEGER NOT NULL,
                estimated INTEGER NOT NULL,
                unpriced INTEGER NOT NULL,
                uncompared INTEGER NOT NULL,
                input_tokens INTEGER NOT NULL,
                output_tokens INTEGER NOT NULL,
                cache_read_tokens INTEGER NOT NULL,
                cache_write_tokens INTEGER NOT NULL,
                reasoning_tokens INTEGER NOT NULL,
                cost_nano INTEGER NOT NULL,
                tokens_cost_nano INTEGER NOT NULL,
                baseline_cost_nano INTEGER NOT NULL,
                estimated_cost_nano INTEGER NOT NULL,
                estimated_baseline_nano INTEGER NOT NULL,
                total_s BLOB NOT NULL,
                first_token_s BLOB NOT NULL,
                PRIMARY KEY (hour, model, task, outcome, "user")
            ) WITHOUT ROWID""",
            """INSERT INTO rollups SELECT hour, model, task, outcome, '',
                attempts, accepted, cached, masked, estimated, unpriced, uncompared,
                input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens,
                cost_nano, tokens_cost_nano, baseline_cost_nano, estimated_cost_nano, estimated_baseline_nano,
                total_s, first_token_s FROM rollups_before_m011""",
            "DROP TABLE rollups_before_m011",
            # Others who may use this machine's gateway; see registry/users.py.
            """CREATE TABLE users (
                name TEXT PRIMARY KEY,
                token_hash TEXT NOT NULL UNIQUE,  -- SHA-256 of a random token, in hexadecimal
                daily_cap TEXT,                   -- US dollars, decimal; NULL: none
                monthly_cap TEXT,
                requests_per_minute INTEGER,      -- NULL: no limit
                created_at TEXT NOT NULL
            )""",
            # Which models each may use: a name, or '*' for everybody; an id, or '*' for every model.
            """CREATE TABLE grants (
                user_name TEXT NOT NULL,
                model_id TEXT NOT NULL,
                PRIMARY KEY (user_name, model_id)
            )""",
        ),
    ),
    Migration(
        "m012_dashboard",
        (
            # Why models were asked and how tries failed, counted by the hour; see ledger/why.py.
            """CREATE TABLE why (
                hour INTEGER NOT NULL,     -- as in rollups
                model TEXT NOT NULL,
                task TEXT NOT NULL,
                "user" TEXT NOT NULL,
                reason TEXT NOT NULL,
                error_kind TEXT NOT NULL,  -- '' for a try that did not fail
                attempts INTEGER NOT NULL,
                PRIMARY KEY (hour, model, task, "user", reason, error_kind)
            ) WITHOUT ROWID""",
            """INSERT INTO why SELECT CAST(started_at / 3600 AS INTEGER) * 3600, model, task, "user",
                CASE WHEN reason LIKE 'for hard work (%' THEN 'for hard work' ELSE reason END,
                COALESCE(error_kind, ''), COUNT(*) FROM attempts GROUP BY 1, 2, 3, 4, 5, 6""",
            # The newest errors, however rare: a failure has a row in this index, and an answer has none.
            "CREATE INDEX attempts_that_failed ON attempts (started_at) WHERE outcome = 'failed'",
            # Signs a browser in once, for whoever can write this database; see registry/sign_in_codes.py.
            """CREATE TABLE sign_in_codes (
                code_hash TEXT PRIMARY KEY,  -- SHA-256 in hexadecimal
                expires_at REAL NOT NULL     -- Unix seconds
            )""",
        ),
    ),
    Migration(
        "m013_alerts",
        (
            # What `beastmode check` found the last time, so that it can say what has changed.
            """CREATE TABLE check_findings (
                name TEXT PRIMARY KEY,
                state TEXT NOT NULL,       -- ok, failing
                evidence TEXT NOT NULL,
                since REAL NOT NULL        -- Unix seconds at which it came to be so
            )""",
            # See operations/alerts; a target's address is sealed in sealed_keys, as `alert:` and its name.
            """CREATE TABLE alert_targets (
                name TEXT PRIMARY KEY,
                service TEXT NOT NULL,
                added_at REAL NOT NULL     -- Unix seconds
            )""",
            """CREATE TABLE alert_rules (
                name TEXT PRIMARY KEY,
                kind TEXT NOT NULL,
                threshold REAL NOT NULL,
                model TEXT NOT NULL,       -- '' for all of them
                window_s REAL NOT NULL,
                for_s REAL NOT NULL,
                cooldown_s REAL NOT NULL,
                recovery INTEGER NOT NULL,
                targets TEXT NOT NULL      -- a JSON list of names; empty: all of them
            )""",
            """CREATE TABLE alert_states (
                rule TEXT NOT NULL,
                subject TEXT NOT NULL,
                bad_since REAL,            -- Unix seconds; NULL while it is good
                is_told INTEGER NOT NULL,
                told_at REAL,
                seen_at REAL NOT NULL,
                PRIMARY KEY (rule, subject)
            )""",
            """CREATE TABLE alert_events (
                id TEXT PRIMARY KEY,
                rule TEXT NOT NULL,
                subject TEXT NOT NULL,
                turn TEXT NOT NULL,        -- alert, recovered, test
                text TEXT NOT NULL,
                at REAL NOT NULL
            )""",
            "CREATE INDEX alert_events_by_time ON alert_events (at)",
            # The outbox: one row for each target of an event.
            """CREATE TABLE alert_deliveries (
                event_id TEXT NOT NULL,
                target TEXT NOT NULL,
                state TEXT NOT NULL,       -- waiting, sent, failed
                tries INTEGER NOT NULL,
                next_at REAL NOT NULL,     -- not before then: it is due, claimed until, or tried again
                error TEXT,                -- of the last try
                sent_at REAL,
                PRIMARY KEY (event_id, target)
            )""",
            "CREATE INDEX alert_deliveries_waiting ON alert_deliveries (next_at) WHERE state = 'waiting'",
        ),
    ),
    Migration(
        "m014_holds",
        (
            # What requests under way could cost; see ledger/holds.py.
            """CREATE TABLE holds (
                id TEXT PRIMARY KEY,       -- of the row of attempts that it becomes
                request_id TEXT NOT NULL,
                task TEXT NOT NULL,
                model TEXT NOT NULL,
                provider TEXT NOT NULL,
                origin TEXT NOT NULL,
                reason TEXT NOT NULL,
                started_at REAL NOT NULL,  -- Unix seconds
                "user" TEXT NOT NULL,
                worst_nano INTEGER NOT NULL,
                holder TEXT NOT NULL,      -- the process, which renews what it holds
                expires_at REAL NOT NULL   -- Unix seconds
            )""",
        ),
    ),
    Migration(
        "m015_replicas",
        (
            # What gateways that share a database tell each other; see router/replicas.py.
            """CREATE TABLE breakers (
                model TEXT PRIMARY KEY,
                failures INTEGER NOT NULL,
                pauses INTEGER NOT NULL,
                open_until REAL NOT NULL,  -- Unix seconds
                probe_until REAL NOT NULL,
                why TEXT NOT NULL,
                teller TEXT NOT NULL,      -- which gateway said so
                changed_at REAL NOT NULL
            )""",
            """CREATE TABLE asked (
                "user" TEXT PRIMARY KEY,
                requests INTEGER NOT NULL  -- of a user with a rate limit, ever
            )""",
        ),
    ),
    Migration(
        "m016_tests_save_nothing",
        (
            # Tests of models were charged to the baseline until here; see share_of in ledger/rows.py.
            """UPDATE rollups SET baseline_cost_nano = 0, estimated_baseline_nano = 0, uncompared = 0
                WHERE task = 'probe'""",
        ),
    ),
)


def refuse_newer(applied: Iterable[str], migrations: tuple[Migration, ...] = MIGRATIONS) -> None:
    """Stop before a database that a newer version has changed is touched.

    Args:
        applied: the names of the steps that it records.
        migrations: the steps that this version knows.

    Raises:
        StoreError: the database records a step that this version does not know.
    """
    unknown = sorted(set(applied) - {migration.name for migration in migrations})
    if unknown:
        raise StoreError(
            f"The database was written by a newer version of BEAST MODE (it holds {', '.join(unknown)})",
            "Update BEAST MODE (`pip install --upgrade beastmode`), or set BEASTMODE_HOME to another folder",
        )


def apply(
    connection: Connection,
    statements: Callable[[Migration], list[str]],
    migrations: tuple[Migration, ...] = MIGRATIONS,
) -> None:
    """Run the missing steps, within a transaction that nobody else can write in.

    Args:
        connection: of either database.
        statements: a step in its words.
        migrations: all steps.

    Raises:
        StoreError: the database is of a newer version.
    """
    connection.execute("CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, applied_at TEXT NOT NULL)")
    applied = {row[0] for row in connection.execute("SELECT name FROM migrations")}
    refuse_newer(applied, migrations)
    for migration in migrations:
        if migration.name not in applied:
            for statement in statements(migration):
                connection.execute(statement)
            connection.execute("INSERT INTO migrations VALUES (?, CURRENT_TIMESTAMP)", (migration.name,))


def migrate(connection: sqlite3.Connection, migrations: tuple[Migration, ...] = MIGRATIONS) -> None:
    """Apply the missing steps to a SQLite file in one transaction; several processes may do so at once.

    Raises:
        StoreError: the file is of a newer version.
        sqlite3.OperationalError: another process held the lock for longer than the busy timeout.
    """
    if {migration.name for migration in migrations} == applied_to(connection):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        apply(connection, Migration.on_sqlite, migrations)
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def applied_to(connection: sqlite3.Connection) -> set[str]:
    """The names of the steps that a SQLite file records."""
    known = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'migrations'").fetchone()
    return {row[0] for row in connection.execute("SELECT name FROM migrations")} if known else set()
