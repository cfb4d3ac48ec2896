/*
 * Links: opening, resetting and closing them for the pool, and the frame of every call on one.
 * SPDX-License-Identifier: MIT
 */
#include <stddef.h>
#include <string.h>
#include <base/error.h>
#include <sql/bulk.h>
#include <sql/link.h>

static void keep_nothing(struct link *l)
{
    slot_end_reading(l->slot);
    l->readable = 0;
    l->reading = l->dead = l->lost = l->foreign = l->ended = false;
    l->depth = 0;
    l->doom_status = 0;
    l->bound = NEVER;
    bulk_drop_late(l);
}

/* The driver's connection follows the link in one block, as aligned as malloc would have it. */
static struct link *create(struct weir_slot *s)
{
    const struct link_source *source = pool_source(s->pool);
    size_t head = (sizeof(struct link) + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
    struct link *l = mem_zeroed(source->alloc, head + source->backend->conn_size);
    if (!l)
        return NULL;
    if (cache_init(&l->cache, source->alloc, source->cache_size) < 0) {
        mem_free(source->alloc, l);
        return NULL;
    }
    l->source = source;
    l->backend = source->backend;
    l->sql = source->backend->sql;
    l->slot = s;
    l->conn = (char *)l + head;
    s->link = l;
    return l;
}

static int connect(struct link *l, bool read_only, int64_t deadline, weir_error *err)
{
    char secret[SECRET_MAX] = "";
    weir_target target = { .size = sizeof target, .read_only = read_only };
    memset(l->conn, 0, l->backend->conn_size);
    keep_nothing(l);
    int status = l->source->target(l->source->arg, &target, secret, sizeof secret, err);
    if (status >= 0) {
        status = l->backend->open(l->conn, l->source->host, &target, deadline, err);
        if (status < 0)
            l->backend->close(l->conn);
    }
    mem_wipe(secret, sizeof secret);
    return status;
}

static int open_link(struct weir_slot *s, bool read_only, int64_t deadline, weir_error *err)
{
    struct link *l = s->link ? s->link : create(s);
    if (!l)
        return fail(err, WEIR_E_MEMORY, "no memory for a connection");
    int status = connect(l, read_only, deadline, err);
    if (status < 0)
        return status;
    l->open = true;
    l->read_only = read_only;
    l->canceller = l->backend->cancel_prepare ? l->backend->cancel_prepare(l->conn) : NULL;
    return WEIR_OK;
}

int link_grow_cells(struct link *l, size_t columns, weir_error *err)
{
    weir_value *cells = mem_realloc(l->source->alloc, l->cells, columns * sizeof *cells);
    if (!cells)
        return fail(err, WEIR_E_MEMORY, "no memory for the %zu cells of a row", columns);
    l->cells = cells;
    l->cells_room = columns;
    return WEIR_OK;
}

void link_end_result(struct link *l)
{
    if (!l->reading)
        return;
    l->sql->abandon(l->conn);
    arena_reset(&l->texts, l->source->alloc);
    l->readable = 0;
    l->reading = false;
    slot_end_reading(l->slot);
}

#define ANSWERED 1

static int turn(struct link *l, bool read_only, int64_t deadline, weir_error *err)
{
    if (!l->backend->turn)
        return fail(err, WEIR_E_UNSUPPORTED, "driver '%s' opens a new connection for the other lane", l->backend->name);
    int status = l->backend->turn(l->conn, read_only, deadline, err);
    if (status >= 0)
        l->read_only = read_only;
    return status < 0 ? status : ANSWERED;
}

/* Makes it clean, if it is not, in the way that the option `reset` says. */
static int clean(struct link *l, int64_t deadline, weir_error *err)
{
    bool never = l->source->reset_never;
    bool undo = never && l->depth, reset = !never && (l->source->reset_always || link_dirty(l));
    if (!undo && !reset)
        return WEIR_OK;
    int status = reset ? l->backend->reset(l->conn, deadline, err) : l->sql->rollback(l->conn, deadline, err);
    return status < 0 ? status : ANSWERED;
}

/* keeps law 13: clean, or not lent again */
static int reset_link(struct weir_slot *s, bool read_only, int64_t deadline, weir_error *err)
{
    struct link *l = s->link;
    link_end_result(l);
    int status = clean(l, deadline, err);
    if (status < 0)
        return status;
    keep_nothing(l);
    return l->read_only == read_only ? status : turn(l, read_only, deadline, err);
}

static void forget_statements(struct link *l, bool driver)
{
    for (struct statement *s; (s = cache_oldest(&l->cache));) {
        if (driver)
            l->sql->forget(l->conn, s->handle);
        cache_remove(&l->cache, l->source->alloc, s);
    }
}

static void close_link(struct weir_slot *s)
{
    struct link *l = s->link;
    link_end_result(l);
    forget_statements(l, true);
    l->open = false; /* a child that is forked meanwhile has nothing to abandon */
    l->backend->close(l->conn);
    keep_nothing(l);
}

/* Nothing is called but abandon, and that only on what has been opened.  Our own half of a torn one cannot be trusted, and is left. */
static void forget_link(struct weir_slot *s, bool torn)
{
    struct link *l = s->link;
    if (!l)
        return;
    if (l->open)
        l->backend->abandon(l->conn);
    l->open = false;
    if (torn) {
        s->link = NULL;
        return;
    }
    forget_statements(l, false);
    keep_nothing(l);
}

static bool keeps_data(struct weir_slot *s)
{
    struct link *l = s->link;
    return l->backend->keep && l->backend->keep(l->conn);
}

static bool alive(struct weir_slot *s)
{
    struct link *l = s->link;
    return l->backend->alive(l->conn);
}

static int check(struct weir_slot *s, int64_t deadline, weir_error *err)
{
    struct link *l = s->link;
    return l->backend->ping ? l->backend->ping(l->conn, deadline, err) : WEIR_OK;
}

static int cancel(struct weir_slot *s, int64_t deadline, weir_error *err)
{
    struct link *l = s->link;
    if (!l->backend->cancel)
        return fail(err, WEIR_E_UNSUPPORTED, "driver '%s' cannot cancel", l->backend->name);
    return l->backend->cancel(l->canceller, deadline, err);
}

static void interrupt(struct weir_slot *s)
{
    struct link *l = s->link;
    if (l->backend->interrupt)
        l->backend->interrupt(l->conn);
}

static void destroy(struct weir_slot *s)
{
    struct link *l = s->link;
    if (!l)
        return;
    const struct alloc *alloc = l->source->alloc;
    cache_end(&l->cache, alloc);
    arena_end(&l->texts, alloc);
    specs_end(&l->specs, alloc);
    bulk_drop_late(l);
    mem_free(alloc, l->late.batches);
    mem_free(alloc, l->cells);
    mem_free(alloc, l->result_failure);
    mem_free(alloc, l->doom);
    mem_free(alloc, l);
    s->link = NULL;
}

const struct link_ops link_ops = {
    .open = open_link,
    .reset = reset_link,
    .alive = alive,
    .check = check,
    .close = close_link,
    .forget = forget_link,
    .keeps_data = keeps_data,
    .cancel = cancel,
    .interrupt = interrupt,
    .destroy = destroy,
};

void link_keep_error(struct link *l, weir_error **kept, const weir_error *err)
{
    if (!*kept)
        *kept = mem_zeroed(l->source->alloc, sizeof **kept);
    if (*kept)
        **kept = *err;
}

void link_learn(struct link *l, int status, const weir_error *err)
{
    if (status == WEIR_E_DEADLOCK || status == WEIR_E_SERIALIZATION)
        pool_count(l->slot->pool, COUNT_DEADLOCK_SERVER);
    if (err->flags & WEIR_CONNECTION_DEAD && !l->dead) {
        l->dead = true;
        l->lost = status == WEIR_E_LOST && err->flags & WEIR_RETRY_ELSEWHERE;
        pool_lost(l->slot->pool, err);
    }
    if (err->flags & WEIR_RETRY_TRANSACTION)
        l->retry = true;
    if (err->flags & WEIR_ROLLED_BACK && l->depth && !l->doom_status) {
        l->doom_status = status;
        link_keep_error(l, &l->doom, err);
    }
}

int link_leave_failed(struct link *l, int status, const weir_error *err)
{
    link_learn(l, status, err);
    slot_leave(l->slot, (link_unclean(l) ? WORD_LOOK : 0) | (l->dead ? WORD_DEAD : 0));
    return status;
}

static int tell_unready(const struct link *l, weir_error *err)
{
    if (!l->sql)
        return fail(err, WEIR_E_UNSUPPORTED, "driver '%s' has no SQL", l->backend->name);
    if (l->reading)
        return fail(err, WEIR_E_BUSY, "a result is open on this connection: end it with weir_rows_close first");
    if (l->dead && !l->doom_status) {
        fail(err, WEIR_E_LOST, "the connection is of no use any more: it can only be released");
        if (err)
            err->flags = WEIR_CONNECTION_DEAD;
        return WEIR_E_LOST;
    }
    if (l->ended)
        return fail(err, WEIR_E_STATEMENT,
                    "a statement of this transaction has ended it: what came before that is committed");
    const weir_error unknown = { .status = l->doom_status };
    fail_in(err, l->doom ? l->doom : &unknown,
            l->careful ? "a batch in this transaction has failed" : "the server has rolled this transaction back");
    return l->doom_status;
}

int link_make_ready(struct link *l, weir_deadline deadline, weir_error *err)
{
    return link_is_usable(l) ? bulk_write_late(l, deadline, err) : tell_unready(l, err);
}

int link_until_moment(int64_t *until, const struct link *l, weir_error *err)
{
    if (l->bound < *until)
        *until = l->bound;
    if (*until != NEVER && clock_now(l->source->clock) >= *until)
        return fail(err, WEIR_E_TIMEOUT, "the deadline had passed before anything was done");
    return WEIR_OK;
}

int link_tell_stopped(uint64_t word, const char *what, weir_error *err)
{
    if ((word & (WORD_CUT | WORD_ENDING)) == WORD_CUT)
        return fail(err, WEIR_E_CLOSED, "the database has been shut down: the %s is over", what);
    return word & WORD_CANCEL ? fail(err, WEIR_E_CANCELLED, "the %s was cancelled", what) : WEIR_OK;
}
