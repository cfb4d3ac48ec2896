/*
 * What the MySQL driver tells from the text of a statement.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include "../../backends/mysql/mys.h"
#include "tap.h"

#define ROLE (MYS_KEEPS | MYS_MOVES_ROLE)
#define ASKS (MYS_READS | MYS_MAY_ANSWER)

static const struct {
    const char *sql;
    unsigned traits;
} texts[] = {
    /* it reads, and that is all */
    { "SELECT 1", MYS_READS },
    { "select a, count(*) from t where b in (1, 2) group by a", MYS_READS },
    { " -- a comment\n# another\n/* a third */ SELECT 1", MYS_READS },
    { "((SELECT 1) UNION (SELECT 2))", MYS_READS },
    { "SELECT\tCOALESCE (a, NOW(6)), CAST(b AS DECIMAL(10,2)) FROM t", MYS_READS },
    { "SELECT @@version, @@session.time_zone", MYS_READS },
    { "WITH x AS (SELECT 1) SELECT * FROM x", MYS_READS },
    { "VALUES (1), (2)", MYS_READS },
    { "SHOW TABLES", ASKS },
    { "EXPLAIN SELECT 1", ASKS },
    { "DESC t", ASKS },

    /* it writes, and keeps nothing */
    { "INSERT INTO t(a, b) VALUES (?, ?) ON DUPLICATE KEY UPDATE a = VALUES(a)", 0 },
    { "INSERT INTO `d`.`t` (a) VALUES (1)", 0 },
    { "REPLACE INTO t (a) SELECT a FROM u", 0 },
    { "UPDATE t SET a = IF(b > 0, 1, 2)", 0 },
    { "DELETE FROM t WHERE id = ?;", 0 },
    { "INSERT INTO t(a) VALUES (1) RETURNING *", MYS_RETURNS },
    { "delete from t returning a", MYS_RETURNS },
    { "COMMIT", MYS_MARKS },
    { "SAVEPOINT weir_1", MYS_MARKS },
    { "RELEASE SAVEPOINT weir_1", MYS_MARKS },
    { "ROLLBACK TO SAVEPOINT weir_1", MYS_MARKS },
    { "BEGIN", 0 },
    { "begin work ; ", 0 },
    { "START TRANSACTION READ ONLY", 0 },
    { "OPTIMIZE TABLE t", MYS_MAY_ANSWER | MYS_ENDS },

    /* it keeps something, and may end a transaction */
    { "SET autocommit=0", MYS_KEEPS | MYS_ENDS },
    { "USE mysql", MYS_KEEPS | MYS_ENDS },
    { "LOCK TABLES t READ", MYS_KEEPS | MYS_ENDS },
    { "CREATE TEMPORARY TABLE t(a INT)", MYS_KEEPS | MYS_ENDS },
    { "DROP TABLE t", MYS_KEEPS | MYS_ENDS },
    { "FLUSH TABLES WITH READ LOCK", MYS_KEEPS | MYS_ENDS },
    { "HANDLER t OPEN", MYS_KEEPS | MYS_ENDS | MYS_MAY_ANSWER },
    { "XA START 'a'", MYS_KEEPS | MYS_ENDS | MYS_MAY_ANSWER },
    { "START REPLICA", MYS_KEEPS | MYS_ENDS },

    /* it keeps something, and ends none */
    { "SELECT @a", MYS_READS | MYS_KEEPS },
    { "SELECT 1 INTO @a", MYS_READS | MYS_KEEPS },
    { "SELECT @@version, @a", MYS_READS | MYS_KEEPS },
    { "SELECT a:=1", MYS_READS | MYS_KEEPS },

    /* it calls what may keep anything */
    { "SELECT GET_LOCK('a', 1)", MYS_READS | ROLE },
    { "SELECT get_lock /* spaced */ ('a', 1)", MYS_READS | ROLE },
    { "SELECT get_lock -- count\n('a', 1)", MYS_READS | ROLE },
    { "SELECT /*!50000 get_lock('a', 1) */", MYS_READS | ROLE },
    { "SELECT my_function(1)", MYS_READS | ROLE },
    { "SELECT d.abs(1)", MYS_READS | ROLE },
    { "SELECT `f`(1)", MYS_READS | ROLE },
    { "DO get_lock('a', 1)", ROLE },
    { "UPDATE t SET a = my_function(a)", ROLE },
    { "INSERT INTO t(a) VALUES (f(1))", ROLE },
    { "SELECT f(1) INTO OUTFILE 'x'", MYS_READS | ROLE },
    { "CALL p()", ROLE | MYS_MAY_ANSWER | MYS_ENDS },
    { "EXECUTE s", ROLE | MYS_MAY_ANSWER | MYS_ENDS },
    { "SET ROLE boss", ROLE | MYS_ENDS },
    { "set default role boss", ROLE | MYS_ENDS },
    { "BEGIN NOT ATOMIC SELECT 1; END", MYS_KEEPS | MYS_ENDS },
    { "nonsense", ROLE | MYS_MAY_ANSWER | MYS_ENDS },

    /* there is nothing */
    { "", MYS_EMPTY },
    { " ;\n", MYS_EMPTY },
    { "-- nothing", MYS_EMPTY },
    { "/* nothing", MYS_EMPTY },
    { "/* nothing */ # more\n", MYS_EMPTY },
};

/* On one line. */
static const char *title(const char *sql)
{
    static char out[256];
    snprintf(out, sizeof out, "%s", sql);
    for (char *at = out; *at; at++)
        if (*at == '\n' || *at == '\t')
            *at = ' ';
    return out;
}

int main(void)
{
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        is_int(mys_scan(texts[i].sql), texts[i].traits, "\"%s\"", title(texts[i].sql));
    return tap_done();
}
