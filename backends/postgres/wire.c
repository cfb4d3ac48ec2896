/*
 * Messages and answers.
 *
 * An answer is one PGresult or, of a stream, many; NULL from libpq ends what one message is answered with.  In a pipeline NULL ends the
 * answer to one of its statements, and the sync ends all; it is left then, so that the rest of the driver knows only of answers and
 * their end.
 * SPDX-License-Identifier: MIT
 */
#include <time.h>
#include "pg.h"

#define PIECE_SIZE 8192    /* what the server sends at once */
#define SHORT_ANSWER 65536 /* taken as a whole, if it comes without a break */
#define PAUSE_NS 100000
#define MOST_LOOKS 10 /* a break is three of them at which nothing has come */

int pg_flush(struct pg_conn *c, weir_error *err)
{
    int left;
    while ((left = PQflush(c->pg)) > 0) {
        const int st = pg_wait(c, POLLIN | POLLOUT, err);
        if (st < 0)
            return st;
        PQconsumeInput(c->pg); /* the server may not read on until it has got rid of what it says */
        c->heard = 1;
    }
    return left == 0 ? WEIR_OK : pg_fail(c, NULL, err);
}

int pg_sent(struct pg_conn *c, int sent, weir_error *err)
{
    if (!sent)
        return pg_fail(c, NULL, err);
    c->sending = 1;
    c->heard = 0;
    const int st = pg_flush(c, err);
    c->sending = 0;
    return st;
}

int pg_pipeline(struct pg_conn *c, weir_error *err)
{
    const int st = pg_begin_now(c, err);
    return st < 0 || PQenterPipelineMode(c->pg) ? st : pg_fail(c, NULL, err);
}

int pg_sync(struct pg_conn *c, weir_error *err)
{
    c->syncs++;
    return pg_sent(c, PQpipelineSync(c->pg), err);
}

static int is_copy(const PGresult *r)
{
    const ExecStatusType status = PQresultStatus(r);
    return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

/* It would have no end: what could not be seen to be a COPY costs the connection. */
static int refuse_copy(struct pg_conn *c, PGresult *r, weir_error *err)
{
    PQclear(r);
    pg_cut(c);
    c->host->fail(err, WEIR_E_UNSUPPORTED, "postgres: COPY through the connection needs its native handle");
    err->flags = WEIR_CONNECTION_DEAD;
    return WEIR_E_UNSUPPORTED;
}

/* libpq's next word: a result, or NULL. */
static int take(struct pg_conn *c, PGresult **out, weir_error *err)
{
    while (PQisBusy(c->pg)) {
        const int st = pg_wait(c, POLLIN, err);
        if (st < 0)
            return st;
        if (!PQconsumeInput(c->pg))
            break; /* lost; what the server said before that comes from PQgetResult */
    }
    *out = PQgetResult(c->pg);
    return is_copy(*out) && !c->copying ? refuse_copy(c, *out, err) : WEIR_OK;
}

static int is_failure(const PGresult *r)
{
    const ExecStatusType status = PQresultStatus(r);
    return status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE || status == PGRES_NONFATAL_ERROR;
}

static void end_part(struct pg_conn *c)
{
    if (--c->syncs == 0 && !PQexitPipelineMode(c->pg))
        pg_cut(c);
}

/* Whether this word of a pipeline is for the caller, or only book-keeping. */
static int is_wanted(struct pg_conn *c, const PGresult *r)
{
    if (PQresultStatus(r) == PGRES_PIPELINE_SYNC)
        end_part(c);
    else if (c->syncs > 1 && r)
        pg_notice(c, r); /* nothing, unless it is the end of the connection */
    else
        return r && PQresultStatus(r) != PGRES_PIPELINE_ABORTED;
    return 0;
}

int pg_answer(struct pg_conn *c, PGresult **out, weir_error *err)
{
    int st = take(c, out, err);
    while (st == WEIR_OK && c->syncs > 0 && !is_wanted(c, *out)) {
        PQclear(*out);
        *out = NULL;
        if (c->syncs == 0 || PQstatus(c->pg) != CONNECTION_OK)
            break;
        st = take(c, out, err);
    }
    return st;
}

/* Of failures the first tells the cause; of the others the last has the count. */
static void keep(PGresult *r, PGresult **good, PGresult **failed)
{
    if (!is_failure(r)) {
        PQclear(*good);
        *good = r;
    } else if (!*failed) {
        *failed = r;
    } else {
        PQclear(r);
    }
}

int pg_finish(struct pg_conn *c, PGresult *first, PGresult **last, weir_error *err)
{
    PGresult *r = first, *good = NULL, *failed = NULL;
    int st = r ? WEIR_OK : pg_answer(c, &r, err);
    for (; st == WEIR_OK && r; st = pg_answer(c, &r, err))
        keep(r, &good, &failed);
    if (st == WEIR_OK && (failed || !good || PQstatus(c->pg) != CONNECTION_OK))
        st = pg_fail(c, failed, err);
    PQclear(failed);
    if (st == WEIR_OK && last)
        *last = good;
    else
        PQclear(good);
    return st;
}

int pg_say(struct pg_conn *c, const char *sql, PGresult **last, weir_error *err)
{
    int st = pg_begin_now(c, err);
    c->running = NULL;
    if (st == WEIR_OK)
        st = pg_sent(c, PQsendQuery(c->pg, sql), err);
    return st < 0 ? st : pg_finish(c, NULL, last, err);
}

int pg_hear(struct pg_conn *c, PGresult **out, weir_error *err)
{
    PGresult *end;
    int st = take(c, out, err);
    if (st == WEIR_OK && (!*out || is_failure(*out)))
        return pg_finish(c, *out, NULL, err);
    if (st < 0)
        return st;
    st = take(c, &end, err);
    if (st < 0)
        PQclear(*out);
    return st;
}

/* Answers on their way from the socket, where libpq has not taken them yet. */
struct seen {
    const unsigned char *bytes;
    size_t length, at; /* messages before that were whole */
};

/* Is the last message there, with which the server is ready for the next statement? */
static int is_whole(struct seen *s)
{
    while (s->length - s->at >= 5) {
        const unsigned char *m = s->bytes + s->at;
        const size_t length = (size_t)m[1] << 24 | (size_t)m[2] << 16 | (size_t)m[3] << 8 | m[4];
        if (length >= s->length - s->at)
            return 0;
        if (*m == 'Z')
            return 1;
        s->at += length + 1;
    }
    return 0;
}

static size_t look(struct pg_conn *c, void *bytes, size_t size)
{
    const ssize_t n = recv(PQsocket(c->pg), bytes, size, MSG_PEEK | MSG_DONTWAIT);
    return n > 0 ? (size_t)n : 0;
}

/* While the server sends piece upon piece, there may soon be all: until then it is left where it is. */
static int comes_soon(struct pg_conn *c)
{
    const struct timespec pause = { 0, PAUSE_NS };
    unsigned char *bytes = c->host->realloc(c->host->ctx, NULL, SHORT_ANSWER);
    struct seen s = { .bytes = bytes };
    int whole = 0, in_vain = 0;
    for (int looks = 0; bytes && looks < MOST_LOOKS && in_vain < 3; looks++) {
        const size_t before = s.length;
        s.length = look(c, bytes, SHORT_ANSWER);
        whole = is_whole(&s);
        if (whole || s.length == SHORT_ANSWER)
            break;
        in_vain = s.length > before ? 0 : in_vain + 1;
        nanosleep(&pause, NULL);
    }
    c->host->realloc(c->host->ctx, bytes, 0);
    return whole;
}

/*
 * Looks before libpq reads.  An answer that is here as a whole, or will be in a moment, is taken as a whole, since a stream costs twice
 * as much a row.  If this is wrong, because libpq has read a part of it before, then a stream is read that need not be one, or the other
 * way round.
 */
int pg_answer_is_short(struct pg_conn *c)
{
    unsigned char piece[PIECE_SIZE];
    if (PQsslInUse(c->pg))
        return 0;
    struct seen s = { .bytes = piece, .length = look(c, piece, sizeof piece) };
    const int whole = is_whole(&s) || (s.length == sizeof piece && comes_soon(c));
    PQconsumeInput(c->pg);
    return whole;
}
