/*
 * The side of weir: one transaction an operation by weir_transact, a statement a row or weir_bulk, on whatever database.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <weir/observe.h>
#include "services.h"

struct weir_side {
    weir_db *db;
    char upserts[SERVICES + 1][SQL_MAX]; /* of one row */
};

static void *open_side(const struct bench *b, const struct mode *m)
{
    char size[16];
    weir_error err;
    struct weir_side *s = calloc(1, sizeof *s);
    must(s, "weir_db_open", "no memory");
    snprintf(size, sizeof size, "%d", m->bound);
    const char *const options[] = { "pool_size",
                                    size,
                                    "write_concurrency",
                                    m->writers ? m->writers : "0",
                                    "overtake_limit",
                                    m->any_order ? "1s" : "1ms",
                                    "acquire_timeout",
                                    "60s",
                                    NULL };
    const weir_hooks hooks = { .size = sizeof hooks, .options = m->no_options ? NULL : options };
    for (int i = SHARED; i < SERVICES; i++)
        sql_upsert_marked(s->upserts[i + 1], b->database->dialect, i, 1);
    must(weir_db_open(&s->db, b->url, &hooks, &err) == WEIR_OK, "weir_db_open", err.text);
    return s;
}

struct body {
    const struct weir_side *side;
    const struct operation *operation;
    int think_us;
};

/* ---- unchanged SQL */

static int write_row(weir_conn conn, const struct body *b, int service, const struct item *i, weir_error *err)
{
    const weir_value cells[] = { weir_text(i->symbol), weir_int(b->operation->slot), weir_int(1), weir_int(i->total),
                                 weir_int(i->newest) };
    const weir_value shared[] = { cells[0], cells[2], cells[3], cells[4] };
    const weir_args args = service == SHARED ? weir_args_of(shared, 4) : weir_args_of(cells, 5);
    think(b->think_us);
    return weir_exec(NULL, conn, b->side->upserts[service + 1], args, (weir_deadline){ 0 }, err);
}

/* Own and shared rows in turn, as each symbol comes. */
static int by_symbol(weir_conn conn, void *arg, weir_error *err)
{
    const struct body *b = arg;
    int status = WEIR_OK;
    for (int i = 0; i < ROWS && status >= 0; i++) {
        status = write_row(conn, b, b->operation->service, &b->operation->items[i], err);
        if (status >= 0)
            status = write_row(conn, b, SHARED, &b->operation->items[i], err);
    }
    return status;
}

/* Table by table: of the rows of both, too, there is one order. */
static int by_table(weir_conn conn, void *arg, weir_error *err)
{
    const struct body *b = arg;
    int status = WEIR_OK;
    for (int i = 0; i < ROWS && status >= 0; i++)
        status = write_row(conn, b, b->operation->service, &b->operation->items[i], err);
    for (int i = 0; i < ROWS && status >= 0; i++)
        status = write_row(conn, b, SHARED, &b->operation->items[i], err);
    return status;
}

/* ---- bulk */

static const weir_column own_columns[] = {
    { "symbol", 1, 0 }, { "slot", 1, 0 }, { "n", 0, WEIR_ADD }, { "total", 0, WEIR_ADD }, { "newest", 0, WEIR_LARGER }
};
static const weir_column shared_columns[] = {
    { "symbol", 1, 0 }, { "n", 0, WEIR_ADD }, { "total", 0, WEIR_ADD }, { "newest", 0, WEIR_LARGER }
};

static int hand_over(weir_bulk *bulk, int service, const struct operation *o, weir_error *err)
{
    int status = WEIR_OK;
    for (int n = 0; n < ROWS && status >= 0; n++) {
        const struct item *i = &o->items[n];
        if (service == SHARED)
            status = weir_bulk_row(
                bulk, WEIR_ARGS(weir_text(i->symbol), weir_int(1), weir_int(i->total), weir_int(i->newest)), err);
        else
            status = weir_bulk_row(bulk,
                                   WEIR_ARGS(weir_text(i->symbol), weir_int(o->slot), weir_int(1), weir_int(i->total),
                                             weir_int(i->newest)),
                                   err);
    }
    return status;
}

static int write_table(weir_conn conn, const struct body *b, int service, weir_error *err)
{
    const weir_bulk_spec spec = { .size = sizeof spec,
                                  .table = sql_table_name(service),
                                  .columns = service == SHARED ? shared_columns : own_columns,
                                  .count = service == SHARED ? 4 : 5 };
    weir_bulk *bulk;
    int status = weir_bulk_open_on(&bulk, conn, &spec, err);
    if (status >= 0)
        status = hand_over(bulk, service, b->operation, err);
    think(b->think_us);
    if (status >= 0)
        return weir_bulk_finish(&bulk, NULL, (weir_deadline){ 0 }, err);
    weir_bulk_abort(&bulk);
    return status;
}

static int in_bulk(weir_conn conn, void *arg, weir_error *err)
{
    const struct body *b = arg;
    int status = write_table(conn, b, b->operation->service, err);
    return status < 0 ? status : write_table(conn, b, SHARED, err);
}

/* ---- an operation */

static enum end operate(void *side, struct operation *o, const struct mode *m, int think_us, int *retries)
{
    struct weir_side *s = side;
    struct body body = { s, o, think_us };
    const weir_transact_options options = {
        .size = sizeof options, .isolation = m->isolation, .attempts = (uint32_t)m->attempts, .unsettled = m->unsettled
    };
    weir_outcome outcome;
    weir_error err;
    if (m->sorted)
        work_sort(o);
    const weir_body how = m->how == WHOLE ? in_bulk : m->sorted ? by_table : by_symbol;
    const int status = weir_transact(&outcome, s->db, how, &body, &options, weir_after_ms(60000), &err);
    *retries += outcome.attempts ? (int)outcome.attempts - 1 : 0;
    if (status >= 0)
        return COMMITTED;
    must(outcome.state == WEIR_NOT_COMMITTED, "weir_transact", err.text);
    return err.flags & WEIR_RETRY_TRANSACTION ? CONFLICT : FAILED;
}

static void close_side(void *side, struct figures *f)
{
    struct weir_side *s = side;
    weir_figures pool = { .size = sizeof pool };
    weir_pool_figures(&pool, weir_db_pool(s->db, 0));
    f->connects = (double)pool.opened;
    f->writers = pool.writers_max;
    weir_db_shutdown(s->db, weir_after_ms(5000), NULL);
    weir_db_close(&s->db);
    free(s);
}

const struct side side_weir = { .open = open_side, .operate = operate, .close = close_side };
