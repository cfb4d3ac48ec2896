/*
 * Settling: what became of a transaction whose commit was sent, and whose connection was lost before the answer.
 *
 * There are two ways.  A driver may have a trace of the transaction, by which its server says what became of it; it is asked on another
 * connection, and again while it says that the transaction has not ended.  Or the transaction has written a marker (exactly_once): a row
 * under a key that nobody else has, as its last statement.
 *
 * Looking for the marker is not enough.  It may be absent because the commit is still under way, behind a dead socket that the server has
 * not noticed, and appear a moment after somebody has looked and run everything again.  So whoever asks writes a row under the same key,
 * with another fate in it, and the key decides, for it is unique:
 *   - The transaction has committed: the row of the asker is refused, and the one that stands there says "committed".
 *   - It has not ended: the asker's insert waits for it, on the lock of the key that it holds.  At the deadline nothing is known.
 *   - It was rolled back: the asker's row is stored and committed.  That alone is the proof, and not that the insert went through: where
 *     several servers certify commits (Galera) the first to commit has the key, and the other fails.  The transaction had written its own
 *     row before its commit was sent, and cannot do so again.
 *   - The asker's own answer was lost: it asks again, is refused, and finds its own row, which says "aborted".
 * The asker's insert is a statement of its own, committed by itself.  Each try of a transaction has a key of its own.
 *
 * What must be true:
 *  1. Only the answers above say ABORTED or COMMITTED; whatever else happens, the fate is UNKNOWN.
 *  2. A marker stays for longer than anybody asks for it: rows are swept when they are a day old, and nobody asks for longer than an hour.
 * SPDX-License-Identifier: MIT
 */
#include <base/error.h>
#include <base/random.h>
#include <db/inside.h>
#include <sql/transaction.h>

#define PATIENCE (3600 * NS_PER_S)
#define SWEEP_EVERY (3600 * NS_PER_S)
#define PAUSE (1 * NS_PER_MS) /* before the question is asked again; it doubles with each time */
#define PAUSE_MAX (100 * NS_PER_MS)

static const char insert_marker[] = "INSERT INTO weir_markers (id, fate) VALUES (?, ?)";
static const char find_marker[] = "SELECT fate FROM weir_markers WHERE id = ?";

/* ---- the marker */

static int write_marker(weir_conn conn, const char *id, weir_fate fate, weir_deadline deadline, weir_error *err)
{
    return weir_exec(NULL, conn, insert_marker, WEIR_ARGS(weir_text(id), weir_int(fate)), deadline, err);
}

/* A weir_fate; UNKNOWN: there is no such row. */
static int read_marker(weir_conn conn, const char *id, weir_deadline deadline, weir_error *err)
{
    weir_rows rows;
    int fate = WEIR_FATE_UNKNOWN;
    int status = weir_query(&rows, conn, find_marker, WEIR_ARGS(weir_text(id)), deadline, err);
    if (status < 0)
        return status;
    status = weir_rows_next(rows, err);
    if (status == WEIR_ROW)
        fate = weir_rows_int(rows, 0) == WEIR_FATE_COMMITTED ? WEIR_FATE_COMMITTED : WEIR_FATE_ABORTED;
    int closed = weir_rows_close(&rows, err);
    return status < 0 ? status : closed < 0 ? closed : fate;
}

/* A table that somebody else has made is as good, also where this user may make none; so is one that another makes right now. */
static int make_table(weir_conn conn, const char *sql, weir_deadline deadline, weir_error *err)
{
    weir_error ignored;
    int status = read_marker(conn, "", deadline, err);
    if (status != WEIR_E_STATEMENT)
        return status;
    status = weir_exec(NULL, conn, sql, WEIR_NO_ARGS, deadline, err);
    return status < 0 && read_marker(conn, "", deadline, &ignored) >= 0 ? WEIR_OK : status;
}

/* Briefly: what is left is swept in an hour.  It fails only if the connection is of no use then, on which nothing has begun yet. */
static int sweep(weir_conn conn, const char *sql, int64_t now, weir_deadline deadline, weir_error *err)
{
    weir_error why;
    const weir_deadline soon = { -clock_add(now, NS_PER_S) };
    bool sooner = deadline.ns < 0 && deadline.ns > soon.ns;
    int status = weir_exec(NULL, conn, sql, WEIR_NO_ARGS, sooner ? deadline : soon, &why);
    if (status >= 0 || !(why.flags & WEIR_CONNECTION_DEAD))
        return WEIR_OK;
    fail_in(err, &why, "the connection was lost while old markers were swept");
    err->status = WEIR_E_LOST;
    err->flags = WEIR_CONNECTION_DEAD | WEIR_RETRY_ELSEWHERE;
    return WEIR_E_LOST;
}

/* Once in a while, by whoever comes first then. */
static int look_after_table(weir_db *db, weir_conn conn, weir_deadline deadline, weir_error *err)
{
    int64_t now = clock_now(&db->clock), swept = atomic_load(&db->swept);
    if (swept && now - swept < SWEEP_EVERY)
        return WEIR_OK;
    int status = make_table(conn, db->backend->sql->make_markers, deadline, err);
    if (status >= 0 && atomic_compare_exchange_strong(&db->swept, &swept, now ? now : 1))
        status = sweep(conn, db->backend->sql->sweep_markers, now, deadline, err);
    return status < 0 ? status : WEIR_OK;
}

int settle_prepare(weir_db *db, weir_conn conn, struct claim *claim, weir_deadline deadline, weir_error *err)
{
    unsigned char bytes[(MARKER_SIZE - 1) / 2];
    if (!db->backend->sql || !db->backend->sql->make_markers)
        return fail(err, WEIR_E_UNSUPPORTED, "driver '%s' has no markers for the option exactly_once",
                    db->backend->name);
    if (!random_bytes(bytes, sizeof bytes))
        return fail(err, WEIR_E_UNSUPPORTED, "the system gives no random bytes for a marker");
    for (size_t i = 0; i < sizeof bytes; i++) {
        claim->marker[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        claim->marker[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    claim->marker[MARKER_SIZE - 1] = '\0';
    return look_after_table(db, conn, deadline, err);
}

int settle_mark(weir_conn conn, const struct claim *claim, weir_deadline deadline, weir_error *err)
{
    return *claim->marker ? write_marker(conn, claim->marker, WEIR_FATE_COMMITTED, deadline, err) : WEIR_OK;
}

/* ---- asking */

/* What is worth another question: the connection was lost, or somebody was in the way. */
static bool may_pass(const weir_error *err)
{
    return err->flags & (WEIR_RETRY_TRANSACTION | WEIR_RETRY_ELSEWHERE | WEIR_CONNECTION_DEAD);
}

static int ask_marker(weir_conn conn, const char *id, weir_deadline deadline, weir_error *err)
{
    int status = write_marker(conn, id, WEIR_FATE_ABORTED, deadline, err);
    if (status >= 0)
        return WEIR_FATE_ABORTED;
    return status == WEIR_E_UNIQUE ? read_marker(conn, id, deadline, err) : status;
}

static weir_fate ask(weir_conn conn, const struct claim *claim, weir_deadline deadline)
{
    weir_error err;
    int fate = *claim->marker ? ask_marker(conn, claim->marker, deadline, &err)
                              : transaction_settle(conn, claim->trace, deadline, &err);
    if (fate >= 0)
        return (weir_fate)fate;
    return may_pass(&err) ? WEIR_FATE_PENDING : WEIR_FATE_UNKNOWN;
}

/* Not for as long as the server is down, but until the deadline: that is why it is not a caller that fails fast. */
static weir_fate ask_once(weir_db *db, const struct claim *claim, const char *here, weir_deadline deadline)
{
    weir_conn conn;
    weir_error err;
    int status = weir_acquire_for(&conn, db, WEIR_WRITE, NULL, here, deadline, &err);
    if (status < 0)
        return status == WEIR_E_UNAVAILABLE || status == WEIR_E_SHED ? WEIR_FATE_PENDING : WEIR_FATE_UNKNOWN;
    weir_fate fate = ask(conn, claim, deadline);
    weir_release(&conn);
    return fate;
}

void sleep_until(const struct clock *clock, int64_t until)
{
    struct lock lock;
    struct signal nobody;
    lock_init(&lock);
    signal_init(&nobody);
    lock_take(&lock);
    while (clock_now(clock) < until)
        signal_wait(&nobody, &lock, clock, until);
    lock_drop(&lock);
    signal_destroy(&nobody);
    lock_destroy(&lock);
}

weir_fate settle(weir_db *db, const struct claim *claim, const char *here, int64_t until)
{
    int64_t pause = PAUSE, latest = clock_add(clock_now(&db->clock), PATIENCE);
    weir_fate fate = WEIR_FATE_UNKNOWN;
    if (!*claim->marker && !*claim->trace)
        return fate;
    const weir_deadline deadline = { -(until < latest ? until : latest) };
    while ((fate = ask_once(db, claim, here, deadline)) == WEIR_FATE_PENDING) {
        int64_t again = clock_add(clock_now(&db->clock), pause);
        if (again >= -deadline.ns)
            return WEIR_FATE_UNKNOWN;
        sleep_until(&db->clock, again);
        pause = pause * 2 < PAUSE_MAX ? pause * 2 : PAUSE_MAX;
    }
    return fate;
}
