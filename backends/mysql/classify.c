/*
 * What an error of the server or of the client library means.
 *
 * The SQLSTATE is the server's own, which is HY000, "general error", for many.  What the library says itself gets one.
 *
 * Whether a transaction survived an error is known for most: it did, and only the statement is undone.  A deadlock undoes all of it.
 * For some it depends on settings of the server; then it is asked.  So it is for what is not in the table.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include "mys.h"

enum transaction { LIVES, UNDONE, ASK };

#define CODES 24

struct meaning {
    int status;
    uint32_t flags;
    enum transaction transaction;
    const char *sqlstate; /* NULL: as the server says */
    const char *part;     /* only if the text has this in it; NULL: any text */
    unsigned codes[CODES];
};

#define DEAD WEIR_CONNECTION_DEAD
#define ELSEWHERE WEIR_RETRY_ELSEWHERE
#define AGAIN WEIR_RETRY_TRANSACTION

static const struct meaning meanings[] = {
    /* conflicts: also of distributed transactions, and as group replication finds them */
    { WEIR_E_DEADLOCK, AGAIN, UNDONE, NULL, NULL, { 1213, 1614 } },
    { WEIR_E_SERIALIZATION, AGAIN, UNDONE, NULL, NULL, { 3101 } },
    /* a row was changed since the snapshot, with innodb_snapshot_isolation; or its table was altered */
    { WEIR_E_SERIALIZATION, AGAIN, ASK, NULL, NULL, { 1020, 1412 } },
    { WEIR_E_LOCKED, AGAIN, ASK, NULL, NULL, { 1205 } }, /* innodb_rollback_on_timeout decides */
    { WEIR_E_LOCKED, AGAIN, LIVES, NULL, NULL, { 3572 } },

    /* stopped: by KILL QUERY; by max_statement_time, max_execution_time */
    { WEIR_E_CANCELLED, 0, LIVES, NULL, NULL, { 1317 } },
    { WEIR_E_TIMEOUT, 0, LIVES, NULL, NULL, { 1969, 3024 } },

    /* constraints; not null: no value and no default, too; check: what a trigger signals, too */
    { WEIR_E_UNIQUE, 0, LIVES, NULL, NULL, { 1062, 1586, 1022, 1761, 1762 } },
    { WEIR_E_FOREIGN_KEY, 0, LIVES, NULL, NULL, { 1216, 1217, 1451, 1452 } },
    { WEIR_E_NOT_NULL, 0, LIVES, NULL, NULL, { 1048, 1263, 1364 } },
    { WEIR_E_CHECK, 0, LIVES, NULL, NULL, { 3819, 4025, 1644 } },

    /* values; JSON; more than max_allowed_packet, when the rest of it is still on its way */
    { WEIR_E_DATA, 0, LIVES, NULL, NULL, { 1264, 1265, 1292, 1365, 1366, 1406, 1411, 1441, 1690, 1300 } },
    { WEIR_E_DATA, 0, LIVES, NULL, NULL, { 1301, 3140, 3141, 3988, 4037, 4038 } },
    { WEIR_E_DATA, DEAD, LIVES, NULL, NULL, { 1153 } },
    { WEIR_E_DATA, DEAD, LIVES, "08S01", NULL, { 2020 } },

    /* words and names; too many placeholders; nothing that can be prepared */
    { WEIR_E_STATEMENT, 0, LIVES, NULL, NULL, { 1064, 1065, 1149, 1390, 1295, 1210, 1222, 1241, 1242, 1568 } },
    { WEIR_E_STATEMENT, 0, LIVES, NULL, NULL, { 1046, 1049, 1050, 1051, 1052, 1054, 1058, 1060, 1061, 1066, 1091,
                                                1109, 1111, 1136, 1146, 1193, 1231, 1304, 1305, 1318, 1327 } },
    { WEIR_E_STATEMENT, 0, LIVES, NULL, NULL, { 1128, 1176, 1347, 4161 } },

    /* permission; a server that does not write; a session that can do nothing but change its password */
    { WEIR_E_PERMISSION, 0, LIVES, NULL, NULL, { 1044, 1142, 1143, 1227, 1370 } },
    { WEIR_E_READ_ONLY, 0, LIVES, NULL, NULL, { 1792 } },
    { WEIR_E_READ_ONLY, ELSEWHERE, LIVES, "25006", NULL, { 1836, 1874 } },
    { WEIR_E_READ_ONLY, ELSEWHERE, LIVES, "25006", "read-only", { 1290 } },
    { WEIR_E_READ_ONLY, ELSEWHERE, LIVES, "25006", "read_only", { 1290 } },
    { WEIR_E_PERMISSION, 0, LIVES, NULL, NULL, { 1290 } }, /* some other option of the server forbids it */
    { WEIR_E_AUTH, 0, LIVES, NULL, NULL, { 1820, 1862 } },

    /* the server's means: disk, locks and transactions, memory, prepared statements */
    { WEIR_E_RESOURCE, 0, ASK, NULL, NULL, { 1021, 1114, 1206, 3, 28 } },
    { WEIR_E_RESOURCE, AGAIN, LIVES, NULL, NULL, { 1637 } },
    { WEIR_E_RESOURCE, 0, LIVES, NULL, NULL, { 1037, 1038, 1041, 1135, 1461 } },
    { WEIR_E_CORRUPT, DEAD, LIVES, NULL, NULL, { 1034, 1194, 1712 } },

    /* the road: no room; a node that its cluster has not taken in; shut down, killed, idle for too long; gone */
    { WEIR_E_TOO_MANY, ELSEWHERE, LIVES, NULL, NULL, { 1040, 1203, 1226 } },
    { WEIR_E_SERVER, ELSEWHERE, LIVES, NULL, "WSREP", { 1047 } },
    /* a commit that it had sent to the others when it lost them, who may have it: nothing but a lost connection is as uncertain */
    { WEIR_E_LOST, DEAD | ELSEWHERE, LIVES, "08007", "replication fragment", { 1180 } },
    { WEIR_E_LOST, DEAD | ELSEWHERE, LIVES, NULL, NULL, { 1053, 1079, 1152, 1158, 1159, 1160, 1161, 1184 } },
    { WEIR_E_LOST, DEAD | ELSEWHERE, LIVES, NULL, NULL, { 1927, 3169, 4031 } },
    { WEIR_E_LOST, DEAD | ELSEWHERE, LIVES, "08006", NULL, { 2006, 2013, 2026, 2055, 5013, 5014 } },
    { WEIR_E_LOST, DEAD, LIVES, "08P01", NULL, { 2027 } },
    { WEIR_E_SERVER, DEAD, LIVES, NULL, NULL, { 2014 } },
    { WEIR_E_MEMORY, DEAD, LIVES, NULL, NULL, { 2008 } },
};

/* The same codes, when they come out of a connect. */
static const struct meaning openings[] = {
    /* wrong, not from this host, locked, expired; a plugin that is not there, or not allowed */
    { WEIR_E_AUTH, 0, LIVES, NULL, NULL, { 1044, 1045, 1130, 1251, 1524, 1698, 1820, 1862, 3118, 4151 } },
    { WEIR_E_AUTH, 0, LIVES, "28000", NULL, { 2049, 2059, 2061, 5010 } },
    { WEIR_E_TLS, 0, LIVES, NULL, NULL, { 3159 } },
    { WEIR_E_TLS, 0, LIVES, "08001", NULL, { 2026 } },
    /* no such database; no such character set; what does not speak as a server does */
    { WEIR_E_CONNECT, 0, LIVES, NULL, NULL, { 1049 } },
    { WEIR_E_CONNECT, 0, LIVES, "08001", NULL, { 2019 } },
    { WEIR_E_CONNECT, 0, LIVES, "08P01", NULL, { 2007, 2012, 2027 } },
    /* what may pass: nobody there, or not any more; this host is blocked; shutting down */
    { WEIR_E_CONNECT, ELSEWHERE, LIVES, "08001", NULL, { 2000, 2001, 2002, 2003, 2004, 2005 } },
    { WEIR_E_CONNECT, ELSEWHERE, LIVES, "08001", NULL, { 2006, 2013, 2055, 5013, 5014 } },
    { WEIR_E_CONNECT, ELSEWHERE, LIVES, NULL, NULL, { 1053, 1129, 1156 } },
};

/* The server's, and the library's. */
static const struct meaning unknown[] = { { .status = WEIR_E_SERVER, .transaction = ASK },
                                          { .status = WEIR_E_SERVER, .transaction = LIVES } };

static int has_code(const struct meaning *m, unsigned code)
{
    for (int i = 0; i < CODES && m->codes[i]; i++)
        if (m->codes[i] == code)
            return 1;
    return 0;
}

static const struct meaning *look_up(const struct meaning *table, size_t n, unsigned code, const char *text)
{
    for (size_t i = 0; i < n; i++)
        if (has_code(&table[i], code) && (!table[i].part || strstr(text, table[i].part)))
            return &table[i];
    return NULL;
}

static const struct meaning *find(unsigned code, const char *text)
{
    const struct meaning *m = look_up(meanings, sizeof meanings / sizeof *meanings, code, text);
    return m ? m : &unknown[code / 1000 == 2 || code / 1000 == 5];
}

static const struct meaning *find_opening(unsigned code, const char *text)
{
    const struct meaning *m = look_up(openings, sizeof openings / sizeof *openings, code, text);
    return m ? m : find(code, text);
}

/*
 * 3988: a text has letters that a parameter does not take.  MySQL makes up its mind on what one takes when it is prepared, and anew when it
 * is sent as another type: after a number it takes latin1.
 */
int mys_is_stale(unsigned code)
{
    return code == 2057 || code == 1243 || code == 1615 || code == 3988;
}

int mys_may_do_otherwise(int status, const weir_error *err)
{
    return status != WEIR_E_TIMEOUT && status != WEIR_E_CANCELLED &&
           !(err->flags & (WEIR_CONNECTION_DEAD | WEIR_ROLLED_BACK | WEIR_RETRY_TRANSACTION));
}

/* Code, state and flags, to the status and text that are there. */
static void complete(weir_error *err, const struct meaning *m, unsigned code, const char *sqlstate)
{
    err->native = (int32_t)code;
    err->flags = m->flags;
    snprintf(err->sqlstate, sizeof err->sqlstate, "%.5s", m->sqlstate ? m->sqlstate : sqlstate);
}

/* ---- a connect that failed ---- */

static int fail_open_as(const struct mys_road *road, const struct mys_wait *w, const struct meaning *m, MYSQL *mysql,
                        weir_error *err)
{
    const int lost = m->status == WEIR_E_CONNECT && m->flags & ELSEWHERE;
    if (lost && w->timed_out)
        return road->host->fail(err, m->status, "mysql %s: no answer before the deadline", road->label);
    if (lost && w->refused)
        return road->host->fail(err, m->status, "mysql %s: %s", road->label, strerror(w->refused));
    return road->host->fail(err, m->status, "mysql %s: %s", road->label, mysql_error(mysql));
}

int mys_fail_open(const struct mys_road *road, const struct mys_wait *wait, MYSQL *mysql, weir_error *err)
{
    const unsigned code = mysql_errno(mysql);
    const struct meaning *m = find_opening(code, mysql_error(mysql));
    const int st = fail_open_as(road, wait, m, mysql, err);
    complete(err, m, code, mysql_sqlstate(mysql));
    return st;
}

/* ---- one of a session ---- */

/* What the library says, which has two places for it; copied, since asking the server overwrites it. */
struct said {
    unsigned code;
    char sqlstate[8], text[512];
};

static void take_down(struct said *said, MYSQL *mysql, MYSQL_STMT *handle)
{
    const unsigned code = handle ? mysql_stmt_errno(handle) : 0;
    said->code = code ? code : mysql_errno(mysql);
    snprintf(said->sqlstate, sizeof said->sqlstate, "%s", code ? mysql_stmt_sqlstate(handle) : mysql_sqlstate(mysql));
    snprintf(said->text, sizeof said->text, "%s", code ? mysql_stmt_error(handle) : mysql_error(mysql));
}

static int is_undone(struct mys_conn *c, const struct meaning *m)
{
    if (!mys_is_inside(c) || m->transaction == LIVES)
        return 0;
    if (m->transaction == ASK) {
        weir_error ignored;
        c->wait.until = mys_grace_end(&c->road);
        return mys_say(c, "DO 0", &ignored) == WEIR_OK && !mys_is_inside(c);
    }
    c->implied = 0;
    c->status &= ~(unsigned)SERVER_STATUS_IN_TRANS;
    return 1;
}

/* Writes what the core or a deadline stopped; 0: neither did. */
static int fail_stopped(struct mys_conn *c, const struct meaning *m, weir_error *err)
{
    const int lost = m->status == WEIR_E_LOST;
    if (lost && atomic_load(&c->cut))
        return c->host->fail(err, WEIR_E_CANCELLED, "mysql %s: the connection was cut off", c->road.label);
    if (lost && c->wait.timed_out)
        return c->host->fail(err, WEIR_E_TIMEOUT, "mysql %s: no answer before the deadline; the connection is given up",
                             c->road.label);
    if (m->status == WEIR_E_CANCELLED && c->wait.timed_out)
        return c->host->fail(err, WEIR_E_TIMEOUT, "mysql: the statement was stopped at its deadline");
    return 0;
}

static int fail_as(struct mys_conn *c, const struct meaning *m, const struct said *said, weir_error *err)
{
    const int st = fail_stopped(c, m, err);
    if (st < 0)
        return st;
    if (m->flags & DEAD)
        return c->host->fail(err, m->status, "mysql %s: %s", c->road.label, said->text);
    return c->host->fail(err, m->status, "mysql: %s", said->text);
}

void mys_keep_undone(struct mys_conn *c, const weir_error *err)
{
    if (err->flags & WEIR_ROLLED_BACK)
        c->undone = (unsigned)err->native;
}

int mys_tell_undone(struct mys_conn *c, weir_error *err)
{
    const unsigned code = c->undone;
    if (!code)
        return WEIR_OK;
    c->undone = 0;
    const struct meaning *m = find(code, "");
    c->host->fail(err, m->status,
                  "mysql: the server had undone the transaction before the last rows were all read (%u)", code);
    complete(err, m, code, m->status == WEIR_E_DEADLOCK ? "40001" : "HY000");
    err->flags |= WEIR_ROLLED_BACK;
    return m->status;
}

/* keeps truth 3 */
int mys_fail(struct mys_conn *c, MYSQL_STMT *handle, weir_error *err)
{
    struct said said;
    take_down(&said, c->mysql, handle);
    const struct meaning *m = find(said.code, said.text);
    const int st = fail_as(c, m, &said, err);
    complete(err, m, said.code, said.sqlstate);
    if (m->flags & DEAD)
        mys_cut_off(c);
    c->unsure |= mys_is_inside(c);
    if (is_undone(c, m))
        err->flags |= WEIR_ROLLED_BACK;
    if (c->dead)
        err->flags |= DEAD;
    return st;
}
