/*
 * The rows of a query, read as a whole and kept.
 * SPDX-License-Identifier: MIT
 */
#include <assert.h>
#include <string.h>
#include "house.h"
#include "memory.h"
#include "moment.h"

static weir_value keep_text(struct pile *pile, const char *text)
{
    size_t length = text ? strlen(text) : 0;
    char *copy;
    if (!text)
        return weir_null();
    copy = pile_take(pile, length + 1);
    return weir_text_n(memcpy(copy, text, length + 1), length);
}

/* Where a database has dates they come as moments, elsewhere as texts. */
static weir_value keep_day(struct pile *pile, int64_t us)
{
    char day[DAY_SIZE];
    moment_day(day, us);
    return keep_text(pile, day);
}

static weir_value keep_cell(struct pile *pile, weir_rows rows, size_t column, char kind)
{
    if (weir_rows_is_null(rows, column))
        return weir_null();
    switch (kind) {
    case 'i':
        return weir_int(weir_rows_int(rows, column));
    case 'd':
        return weir_double(weir_rows_double(rows, column));
    case 'm':
        return weir_time_us(weir_rows_time_us(rows, column));
    case 'y':
        return keep_day(pile, weir_rows_time_us(rows, column));
    default:
        return keep_text(pile, weir_rows_text(rows, column));
    }
}

static void keep_row(struct page *page, weir_rows rows, const char *kinds, size_t *room)
{
    if (page->rows == *room) {
        *room = *room ? 2 * *room : 64;
        page->v = grow(page->v, *room * page->columns * sizeof *page->v);
    }
    for (size_t i = 0; i < page->columns; i++)
        page->v[page->rows * page->columns + i] = keep_cell(page->pile, rows, i, kinds[i]);
    page->rows++;
}

static int keep_rows(struct page *page, weir_conn conn, const char *kinds, const char *sql, weir_args args,
                     weir_error *err)
{
    weir_rows rows;
    size_t room = 0;
    int st = weir_query(&rows, conn, sql, args, weir_after_ms(PATIENCE_MS), err);
    if (st < 0)
        return st;
    while (weir_rows_next(rows, NULL) == WEIR_ROW)
        keep_row(page, rows, kinds, &room);
    return weir_rows_close(&rows, err);
}

int run_read(struct run *run, struct page *page, const char *kinds, const char *sql, weir_args args)
{
    weir_conn conn;
    weir_error err;
    int st;
    *page = (struct page){ .columns = strlen(kinds), .pile = need_zeroed(sizeof *page->pile) };
    st = weir_acquire(&conn, run->house->db, WEIR_READ, weir_after_ms(PATIENCE_MS), &err);
    if (st == 0) {
        st = keep_rows(page, conn, kinds, sql, args, &err);
        weir_release(&conn);
    }
    if (st < 0) {
        page_end(page);
        return run_fail(run, "%s (%s)", err.text, weir_status_name(st));
    }
    run_read_rows(run, page->rows);
    return 0;
}

void page_end(struct page *page)
{
    if (page->pile)
        pile_end(page->pile);
    free(page->pile);
    free(page->v);
    *page = (struct page){ .rows = 0 };
}

#define ARGS_MOST 8

/* The key that the next page begins behind lives in the page before. */
int run_read_pages(struct run *run, const char *kinds, const char *sql, weir_args args,
                   int (*take)(void *arg, const weir_value *row), void *arg)
{
    struct page page = { .rows = 0 }, next;
    weir_value v[ARGS_MOST];
    int st;
    assert(args.n > 0 && args.n <= ARGS_MOST);
    memcpy(v, args.v, args.n * sizeof *v);
    do {
        st = run_read(run, &next, kinds, sql, weir_args_of(v, args.n));
        page_end(&page);
        page = next;
        for (size_t i = 0; st == 0 && i < page.rows; i++)
            st = take(arg, page_row(&page, i));
        if (page.rows > 0)
            v[args.n - 1] = *page_row(&page, page.rows - 1);
    } while (st == 0 && page.rows == PAGE_ROWS);
    page_end(&page);
    return st;
}
