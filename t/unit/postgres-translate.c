/*
 * Placeholders of the PostgreSQL driver, and what it tells from a statement's words.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../../backends/postgres/lex.h"
#include "tap.h"

/* ---- placeholders ---- */

#define SAME NULL

static const struct {
    const char *sql;
    size_t params;
    const char *want; /* SAME: as it is */
} texts[] = {
    { "", 0, SAME },
    { "SELECT 1", 0, SAME },
    { "?", 1, "$1" },
    { "SELECT ?", 1, "SELECT $1" },
    { "SELECT ?, ?,?", 3, "SELECT $1, $2,$3" },
    { "VALUES(?,?,?,?,?,?,?,?,?,?,?)", 11, "VALUES($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11)" },

    /* strings */
    { "SELECT '?', ?", 1, "SELECT '?', $1" },
    { "SELECT 'it''s ?', ?", 1, "SELECT 'it''s ?', $1" },
    { "SELECT '', ?", 1, "SELECT '', $1" },
    { "SELECT 'a\\', ?", 1, "SELECT 'a\\', $1" },
    { "SELECT E'a\\'?', ?", 1, "SELECT E'a\\'?', $1" },
    { "SELECT e'\\\\', ?", 1, "SELECT e'\\\\', $1" },
    { "SELECT E'a''\\'?', ?", 1, "SELECT E'a''\\'?', $1" },
    { "SELECT E'a'\n'\\'?', ?", 1, "SELECT E'a'\n'\\'?', $1" },
    { "SELECT E'a' -- on\n '\\'?', ?", 1, "SELECT E'a' -- on\n '\\'?', $1" },
    { "SELECT E'a' '\\', ?", 1, "SELECT E'a' '\\', $1" },
    { "SELECT 'a'\n'\\', ?", 1, "SELECT 'a'\n'\\', $1" },
    { "SELECT type'\\', ?", 1, "SELECT type'\\', $1" },
    { "SELECT N'\\', B'1', X'f', ?", 1, "SELECT N'\\', B'1', X'f', $1" },
    { "SELECT U&'d\\0061t?' UESCAPE '!', ?", 1, "SELECT U&'d\\0061t?' UESCAPE '!', $1" },
    { "SELECT 'never closed ?", 0, SAME },
    { "SELECT E'never closed \\", 0, SAME },

    /* names */
    { "SELECT \"a?\", ?", 1, "SELECT \"a?\", $1" },
    { "SELECT \"a\"\"?\", ?", 1, "SELECT \"a\"\"?\", $1" },
    { "SELECT \"it's\", ?", 1, "SELECT \"it's\", $1" },
    { "SELECT U&\"d\\0061t?\", ?", 1, "SELECT U&\"d\\0061t?\", $1" },
    { "SELECT gr\xc3\xbcn?", 1, "SELECT gr\xc3\xbcn $1" },

    /* dollar quotes */
    { "SELECT $$?$$, ?", 1, "SELECT $$?$$, $1" },
    { "SELECT $a$ $$ ? $b$ $a$, ?", 1, "SELECT $a$ $$ ? $b$ $a$, $1" },
    { "SELECT $a1_$?$a1_$, ?", 1, "SELECT $a1_$?$a1_$, $1" },
    { "SELECT $\xc3\xbc$?$\xc3\xbc$, ?", 1, "SELECT $\xc3\xbc$?$\xc3\xbc$, $1" },
    { "SELECT a$b$, ?, c$b$", 1, "SELECT a$b$, $1, c$b$" },
    { "DO $$ BEGIN '? END $$", 0, SAME },
    { "SELECT $a$ ? $A$", 0, SAME },

    /* comments */
    { "SELECT ? -- ?\n, ?", 2, "SELECT $1 -- ?\n, $2" },
    { "SELECT 1 -- it's\n, ?", 1, "SELECT 1 -- it's\n, $1" },
    { "SELECT 1--?\r, ?", 1, "SELECT 1--?\r, $1" },
    { "SELECT /* ? */ ?", 1, "SELECT /* ? */ $1" },
    { "SELECT /* /* ? */ ? */ ?", 1, "SELECT /* /* ? */ ? */ $1" },
    { "SELECT /* it's */ ?", 1, "SELECT /* it's */ $1" },
    { "SELECT /*/ ? */ ?", 1, "SELECT /*/ ? */ $1" },
    { "SELECT 6/?", 1, "SELECT 6/$1" },
    { "SELECT 6-?", 1, "SELECT 6-$1" },
    { "SELECT 1 /* never closed ?", 0, SAME },

    /* operators, casts, slices */
    { "SELECT ?::int", 1, "SELECT $1::int" },
    { "SELECT a[?:?]", 2, "SELECT a[$1:$2]" },
    { "SELECT a ?? 'k'", 0, "SELECT a ? 'k'" },
    { "SELECT a ??| ?", 1, "SELECT a ?| $1" },
    { "SELECT a ??& ?::text[]", 1, "SELECT a ?& $1::text[]" },
    { "SELECT a @?? ?", 1, "SELECT a @? $1" },
    { "SELECT a ?? ?", 1, "SELECT a ? $1" },
    { "SELECT a ???", 1, "SELECT a ?$1" },
    { "SELECT '?\?', \"?\?\", $$?\?$$ -- ?\?", 0, SAME },
    { "SELECT a=?AND b=?", 2, "SELECT a=$1 AND b=$2" },

    /* a placeholder runs into nothing */
    { "LIMIT?", 1, "LIMIT $1" },
    { "SELECT ?1", 1, "SELECT $1 1" },
    { "SELECT 1?", 1, "SELECT 1 $1" },

    /* native placeholders: nothing is touched */
    { "SELECT $1", 1, SAME },
    { "SELECT $2, $1, $2", 2, SAME },
    { "SELECT $10", 10, SAME },
    { "SELECT a ? $1", 1, SAME },
    { "SELECT a ?? 'k', $1", 1, SAME },
    { "SELECT '$1', ?", 1, "SELECT '$1', $1" },
    { "SELECT a$1, ?", 1, "SELECT a$1, $1" },
    { "SELECT $1::int", 1, SAME },
};

/* The text that is written, in memory of its own: what is written too far is found by the sanitizer. */
static char *translated(const char *sql, int escapes, size_t *params)
{
    size_t again;
    const size_t length = pg_translate(NULL, sql, escapes, params);
    char *out = malloc(length + 1);
    if (!out)
        tap_bail("no memory");
    const size_t written = pg_translate(out, sql, escapes, &again);
    if (written != length || again != *params || strlen(out) != length)
        tap_bail("%s: measured as %zu, written as %zu", sql, length, written);
    return out;
}

static void test_texts(void)
{
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t params;
        char *got = translated(texts[i].sql, 0, &params);
        is_text(got, texts[i].want ? texts[i].want : texts[i].sql, "%s", texts[i].sql);
        is_int(params, texts[i].params, "  has %zu placeholders", texts[i].params);
        free(got);
    }
}

static void test_escapes(void)
{
    size_t params;
    char *got = translated("SELECT 'a\\'?', ?", 1, &params);
    is_text(got, "SELECT 'a\\'?', $1", "without standard strings a backslash escapes everywhere");
    free(got);
    got = translated("SELECT \"a\\\", ?", 1, &params);
    is_text(got, "SELECT \"a\\\", $1", "  but not in a name");
    free(got);
}

static void test_many(void)
{
    enum { MANY = 65536 };
    size_t params;
    char *sql = malloc(2 * MANY + 8);
    if (!sql)
        tap_bail("no memory");
    strcpy(sql, "SELECT ");
    for (int i = 0; i < MANY; i++)
        strcpy(sql + 7 + 2 * i, i + 1 < MANY ? "?," : "?");
    char *got = translated(sql, 0, &params);
    is_int(params, MANY, "%d placeholders are counted", MANY);
    has_text(got + strlen(got) - 7, ",$65536", "  and numbered");
    free(got);
    free(sql);
}

/* Every beginning of every text is taken apart without reading past its end: the copy has no byte to spare. */
static void test_cut(void)
{
    size_t cuts = 0;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (size_t n = 0; n <= strlen(texts[i].sql); n++) {
            size_t params;
            char *sql = malloc(n + 1);
            if (!sql)
                tap_bail("no memory");
            memcpy(sql, texts[i].sql, n);
            sql[n] = '\0';
            free(translated(sql, (int)(n & 1), &params));
            pg_study(sql, (int)(n & 1));
            free(sql);
            cuts++;
        }
    ok(cuts > 1000, "%zu texts that end anywhere", cuts);
}

/* ---- what a statement does ---- */

#define ANYTHING (PG_CHANGES | PG_PREPARES)
#define SETS (PG_CHANGES | PG_LEAVES)

static const struct {
    const char *sql;
    unsigned flags;
} statements[] = {
    { "", PG_EMPTY },
    { " -- nothing\n;; /* no more */", PG_EMPTY },

    /* nothing is left behind */
    { "SELECT 1", PG_READS },
    { "  /* first */ select 1", PG_READS },
    { "(SELECT 1) UNION (SELECT 2)", PG_READS },
    { "VALUES(1)", PG_READS },
    { "TABLE t", PG_READS },
    { "SHOW search_path", PG_READS },
    { "WITH a AS (SELECT 1) SELECT * FROM a", PG_READS },
    { "WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a", 0 },
    { "WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a", PG_INSERTS },
    { "SELECT * FROM t FOR UPDATE", PG_READS },
    { "INSERT INTO t VALUES(1) RETURNING id", PG_INSERTS },
    { "MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE", PG_INSERTS },
    { "UPDATE t SET a = 1", 0 },
    { "DELETE FROM t", 0 },
    { "EXPLAIN ANALYZE SELECT 1", 0 },
    { "BEGIN", 0 },
    { "SAVEPOINT s", 0 },
    { "ROLLBACK TO SAVEPOINT s", 0 },
    { "CREATE TABLE t(a int)", 0 },
    { "CREATE TABLE t(temp int)", 0 },
    { "SELECT temp FROM readings", PG_READS },
    { "INSERT INTO temp VALUES(1)", PG_INSERTS },
    { "SELECT 'set_config', $$pg_advisory_lock$$ -- pg_temp", PG_READS },
    { "SELECT pg_advisory_xact_lock(1)", PG_READS },
    { "SET LOCAL search_path = x", 0 },
    { "SET TRANSACTION READ ONLY", 0 },
    { "SET CONSTRAINTS ALL DEFERRED", 0 },
    { "PREPARE TRANSACTION 'x'", 0 },
    { "DECLARE c CURSOR FOR SELECT 1", 0 },
    { "DECLARE c CURSOR WITHOUT HOLD FOR SELECT 1", 0 },
    { "CREATE TEMP TABLE t(a int) ON COMMIT DROP", 0 },
    { "NOTIFY x, 'LISTEN'", 0 },
    { "COPY t FROM '/file'", 0 },
    { "COPY t FROM STDIN", PG_COPIES },
    { "copy (select 1) to stdout", PG_COPIES },

    /* settings */
    { "SET search_path = x", SETS },
    { "set Session characteristics AS TRANSACTION READ ONLY", SETS },
    { "SET ROLE x", SETS },
    { "SET SESSION AUTHORIZATION x", SETS },
    { "RESET ALL", PG_CHANGES },
    { "SELECT set_config('a.b', '1', false)", PG_READS | PG_CHANGES },
    { "SELECT pg_catalog . SET_CONFIG ('a.b', '1', false)", PG_READS | PG_CHANGES },
    { "SELECT \"set_config\"('a.b', '1', false)", PG_READS | PG_CHANGES },
    { "SELECT U&\"set\\005fconfig\"('a.b', '1', false)", PG_READS | ANYTHING },
    { "UPDATE pg_settings SET setting = 1", PG_CHANGES },
    { "SELECT setseed(0)", PG_READS | PG_CHANGES },

    /* what lives as long as the session */
    { "LISTEN x", SETS },
    { "UNLISTEN *", PG_CHANGES },
    { "LOAD 'x'", SETS },
    { "DECLARE c CURSOR WITH HOLD FOR SELECT 1", SETS },
    { "SELECT pg_advisory_lock(1)", PG_READS | PG_CHANGES },
    { "SELECT pg_try_advisory_lock_shared(1)", PG_READS | PG_CHANGES },
    { "CREATE TEMP TABLE t(a int)", SETS },
    { "CREATE TEMPORARY VIEW v AS SELECT 1", SETS },
    { "CREATE OR REPLACE TEMP VIEW v AS SELECT 1", SETS },
    { "CREATE LOCAL TEMPORARY SEQUENCE s", SETS },
    { "CREATE TABLE pg_temp.t(a int)", PG_CHANGES },
    { "SELECT 1 INTO TEMP t", PG_READS | SETS },
    { "SELECT 1 INTO TEMPORARY TABLE t", PG_READS | SETS },
    { "EXPLAIN ANALYZE CREATE TEMP TABLE t AS SELECT 1", SETS },

    /* statements of the session's own */
    { "PREPARE s AS SELECT 1", ANYTHING | PG_LEAVES },
    { "EXECUTE s", ANYTHING },
    { "DEALLOCATE ALL", ANYTHING | PG_FORGETS },
    { "DISCARD ALL", ANYTHING | PG_FORGETS },

    /* not known */
    { "DO $$ BEGIN END $$", ANYTHING },
    { "CALL p()", ANYTHING },
    { "SELECT query_to_xml('SELECT 1', true, true, '')", PG_READS | ANYTHING },
    { "NONSENSE", ANYTHING },
    { "1", 0 },
};

static void test_statements(void)
{
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
        is_int(pg_study(statements[i].sql, 0), statements[i].flags, "%s", statements[i].sql);
}

int main(void)
{
    test_texts();
    test_escapes();
    test_many();
    test_cut();
    test_statements();
    return tap_done();
}
