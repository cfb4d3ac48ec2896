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

/* Of what PQflush has left. */
static int push(struct pg_conn *c, int left, weir_error *err)
{
    for (; left > 0; left = PQflush(c->pg)) {
        const int st = pg_wait(c, POLLIN | POLLOUT, err);
        if (st < 0)
            return st;
        PQconsumeInput(c->pg); /* the server may not read on until it has got rid of what it says */
        c->heard = 1;
    }
    return left == 0 ? WEIR_OK : pg_fail(c, NULL, err);
}

int pg_flush(struct pg_conn *c, weir_error *err)
{
    return push(c, PQflush(c->pg), err);
}

int pg_sent(struct pg_conn *c, int sent, weir_error *err)
{
    const int left = sent ? PQflush(c->pg) : -1;
    c->heard = 0;
    if (left == 0)
        return WEIR_OK;
    c->sending = 1;
    const int st = push(c, left, err);
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

static int await(struct pg_conn *c, weir_error *err)
{
    do {
        const int st = pg_wait(c, POLLIN, err);
        if (st < 0)
            return st;
    } while (PQconsumeInput(c->pg) && PQisBusy(c->pg)); /* or lost; what was said before that comes from PQgetResult */
    return WEIR_OK;
}

/* libpq's next word: a result, or NULL. */
static inline int take(struct pg_conn *c, PGresult **out, weir_error *err)
{
    const int st = PQisBusy(c->pg) ? await(c, err) : WEIR_OK;
    if (st < 0)
        return st;
    *out = PQgetResult(c->pg);
    return *out && is_copy(*out) && !c->copying ? refuse_copy(c, *out, err) : WEIR_OK;
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

/* The next one that is for the caller, of a pipeline of which this much has been taken. */
static int skip(struct pg_conn *c, PGresult **out, weir_error *err)
{
    int st = WEIR_OK;
    while (st == WEIR_OK && c->syncs > 0 && !is_wanted(c, *out)) {
        PQclear(*out);
        *out = NULL;
        if (c->syncs == 0 || PQstatus(c->pg) != CONNECTION_OK)
            break;
        st = take(c, out, err);
    }
    return st;
}

static inline int answer(struct pg_conn *c, PGresult **out, weir_error *err)
{
    const int st = take(c, out, err);
    return st < 0 || c->syncs == 0 ? st : skip(c, out, err);
}

int pg_answer(struct pg_conn *c, PGresult **out, weir_error *err)
{
    return answer(c, out, err);
}

/* Of failures the first tells the cause; of the others the last has the count. */
static inline void keep(PGresult *r, PGresult **good, PGresult **failed)
{
    if (!is_failure(r)) {
        if (*good)
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
    int st = r ? WEIR_OK : answer(c, &r, err);
    for (; st == WEIR_OK && r; st = answer(c, &r, err))
        keep(r, &good, &failed);
    const int is_fine = st == WEIR_OK && good && !failed && PQstatus(c->pg) == CONNECTION_OK;
    if (is_fine && last) {
        *last = good;
        return WEIR_OK;
    }
    if (st == WEIR_OK && !is_fine)
        st = pg_fail(c, failed, err);
    PQclear(failed);
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

int pg_take(struct pg_conn *c, PGresult **last, weir_error *err)
{
    PGresult *r = PQgetResult(c->pg), *end;
    if (PQresultStatus(r) != PGRES_TUPLES_OK)
        return pg_finish(c, r, last, err);
    end = PQgetResult(c->pg);
    if (!end) {
        *last = r;
        return WEIR_OK;
    }
    PQclear(r);
    return pg_finish(c, end, last, err);
}

/* Answers on their way from the socket, where libpq has not taken them yet. */
struct seen {
    const unsigned char *bytes;
    uint64_t length, at; /* a message begins there, or will */
    unsigned char last;  /* the kind of the one before */
};

/* Has the last message come, with which the server is ready for the next statement? */
static inline int is_whole(struct seen *s)
{
    uint64_t at = s->at;
    for (; at + 5 <= s->length && s->last != 'Z'; at += 1 + (uint64_t)pg_four(s->bytes + at + 1))
        s->last = s->bytes[at];
    s->at = at;
    return s->last == 'Z' && at <= s->length;
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
 * An answer that is here as a whole, or will be in a moment, is taken as a whole, since a stream costs twice as much a row.  libpq reads
 * that much at once: what is whole in a piece has then been read.  But where libpq has read a part of the answer before, what is here may
 * begin in the middle of a message, and look like anything: then a stream is read that need not be one, or the other way round.  (The rest
 * of a notice that nobody asked for looks like no answer: a text has none of the zeros with which a length begins.)
 */
enum pg_form pg_look(struct pg_conn *c)
{
    unsigned char piece[PIECE_SIZE];
    if (c->tls)
        return PG_LONG;
    struct seen s = { .bytes = piece, .length = look(c, piece, sizeof piece) };
    const int is_here = is_whole(&s);
    const int is_short = is_here || (s.length == sizeof piece && comes_soon(c));
    if (PQconsumeInput(c->pg) && is_here && !c->heard && !c->led && !c->native)
        return PG_HERE;
    return is_short ? PG_SHORT : PG_LONG;
}
