/*
 * The MySQL and MariaDB driver, inside: one connection, and what its files lend each other.
 *
 * What must be true:
 *  1. A statement that only reads is streamed; one that may write has ended when `run` returns, and the client library keeps its rows.
 *  2. Every call that may wait for the server is made between mys_begins and mys_ends: its wait is ours then and keeps the deadline.
 *  3. The status that the server sends is copied after a success and not looked at after an error, when it is an earlier one's.
 *  4. `changed` is set before a statement that may alter the session runs, and only a reset that undid everything clears it.
 *  5. Other threads touch `road`, `thread_id`, `socket`, which stay as open made them, and `cut`; nothing else.
 * SPDX-License-Identifier: MIT
 */
#ifndef BACKENDS_MYSQL_MYS_H
#define BACKENDS_MYSQL_MYS_H

#include <math.h>
#include <stdatomic.h>
#include <signal.h>
#include <mysql.h>
#include <weir/backend.h>

/* MySQL's own client library has no my_bool any more, and knows neither MariaDB's TLS options nor its hook for waits. */
#ifdef LIBMARIADB
typedef my_bool mys_flag;
#else
#    include <stdbool.h>
typedef bool mys_flag;
#    define SERVER_MORE_RESULTS_EXIST SERVER_MORE_RESULTS_EXISTS
#    define CLIENT_SESSION_TRACKING CLIENT_SESSION_TRACK
#endif

enum mys_tls { MYS_TLS_OFF, MYS_TLS_ON, MYS_TLS_VERIFY };

/* How to reach the server: for the session, and for the short connections that stop what it runs. */
struct mys_road {
    const weir_host *host;
    const char *name, *user, *password, *database, *socket; /* "" where not given; all but socket lie in block */
    unsigned port;
    enum mys_tls tls;
    char *block; /* holds the password: wiped */
    size_t block_size;
    char label[280]; /* names the server in texts */
};

/* What a wait does when its deadline has come. */
enum mys_patience {
    MYS_STOP,   /* has the server stop the statement, and waits for what it says to that */
    MYS_INSIST, /* and again, until `give_up`: a statement that had not begun has not heard of it */
    MYS_GIVE_UP /* the connection is of no use any more */
};

/* The waits of one hook.  The client library is told nothing of it: its thread remembers. */
struct mys_wait {
    const struct mys_road *road;
    unsigned long thread_id; /* what MYS_STOP stops */
    int64_t until;
    enum mys_patience patience;
    int64_t give_up, pause; /* of MYS_INSIST */
    int opening;
    int timed_out;
    int refused;            /* errno of a connect that failed */
    struct mys_wait *outer; /* the thread's before it */
    sigset_t mask;          /* the thread's, while SIGPIPE is held back */
    int holds_pipe;
};

/* What the text of a statement tells: see scan.c. */
#define MYS_READS 0x1u      /* it writes nothing */
#define MYS_KEEPS 0x2u      /* it may leave something in the session that no flag shows */
#define MYS_MAY_ANSWER 0x4u /* whether it has rows is known only when it runs */
#define MYS_MOVES_ROLE 0x8u /* it may be a SET ROLE, or hide one */
#define MYS_RETURNS 0x10u   /* it may return what it writes */
#define MYS_EMPTY 0x20u
#define MYS_MARKS 0x40u /* it speaks of the transaction itself: SAVEPOINT, COMMIT and the like */
#define MYS_ENDS 0x80u  /* it may end the transaction that it is in, and go on in another */
#define MYS_ODD (MYS_KEEPS | MYS_MARKS | MYS_ENDS) /* it does more than read or write */

struct mys_param;
struct mys_column;

#define MYS_BULKS 16 /* tables that a connection writes in turn without preparing anew */

struct mys_stmt {
    struct mys_stmt *next, *previous; /* all of a connection, so that close finds those that nobody forgot */
    MYSQL_STMT *handle;               /* NULL: the server prepares no such statement, its text is sent as it is */
    unsigned traits;
    uint64_t epoch; /* of the session, when it was prepared; another: it is to be prepared again */
    int forgotten;  /* and to be closed as soon as that is possible */
    MYSQL_BIND *binds;
    struct mys_param *params; /* what binds point to */
    int bound;
    struct mys_column *columns; /* NULL: it has returned no rows yet */
    unsigned column_count;
    unsigned bound_columns; /* of them; the others are taken */
    weir_value *cells;      /* where those go: to whoever asked for the row … */
    weir_value *unwanted;   /* … or, if nobody has, here */
    int columns_bound;      /* and the library knows them */
    int has_large;          /* memory for long cells */
    uint64_t kind, used;    /* of those that arrays are bound for: what they write, and when last */
    size_t together;        /* so many rows the last array had, that went well; 0: none has, or one has failed since */
    size_t singly;          /* so many rows are not run as arrays */
    char sql[];
};

/* What stands before and behind the rows of a bulk statement of one kind. */
struct mys_frame {
    uint64_t kind, used; /* which, and when last; 0: none, never */
    char *text;          /* both, one after the other */
    size_t head, tail;   /* how long they are */
    size_t last;         /* so many rows were written last */
    struct mys_stmt *stmt;
    size_t rows; /* that it is for */
    int refused; /* the server prepares no such statement */
};

/* How far an open result has been read. */
enum mys_at {
    MYS_CLOSED,
    MYS_STREAM, /* each next asks the server */
    MYS_STORED, /* the client library has the rows */
    MYS_PLAIN,  /* so it has, of a text that was sent as it is */
    MYS_END
};

struct mys_result {
    enum mys_at at;
    int plain;
    struct mys_stmt *stmt;
    MYSQL_RES *res; /* plain: the rows */
    MYSQL_ROW cells;
    const MYSQL_FIELD *fields;
    unsigned columns;
};

struct mys_conn {
    const weir_host *host;
    struct mys_road road;
    MYSQL *mysql;
    unsigned long thread_id;
    int socket; /* a descriptor of our own: the library may close its one at any time, and the number be another's then */
    atomic_int cut; /* interrupted, for good */

    /* the hook that runs */
    struct mys_wait wait;
    int busy;

    /* the session */
    int maria;   /* not MySQL */
    int tracked; /* the server tells when the session changes */
    int read_only;
    unsigned status; /* the server's, after the last success */
    int unsure;      /* an error since then may have changed it */
    int changed;
    int native; /* the handle has been handed out */
    int dead;
    unsigned manner; /* of transactions: autocommit is 0, the isolation this less one (0: the session's); 0: its own */
    unsigned own_isolation; /* 0: not asked yet */
    unsigned last; /* what the last transaction asked for, plus one; 0: nothing, or something ran in none since */
    int role_known, role_moved;
    char *role; /* at the beginning; NULL: none */
    uint64_t epoch;
    uint64_t packet_limit; /* the longest packet that the server takes; 0: not asked yet */

    struct mys_stmt *statements;
    unsigned forgotten;                 /* of them */
    struct mys_frame frames[MYS_BULKS]; /* of statements with many rows, of the last kinds */
    struct mys_stmt *bulks[MYS_BULKS];  /* that arrays are bound for, of the last kinds … */
    struct mys_stmt *bulk;              /* … and of the present one */
    uint64_t bulks_used;
    struct mys_stmt *unread; /* an abandoned stream still has rows on their way */
    struct mys_result result;
    unsigned
        undone; /* the code of what was said behind rows that nobody read, and has undone the transaction; 0: nothing was */
    unsigned fetched; /* rows ever */
    int64_t affected;
    int64_t last_id;
    int ask_last_id; /* only the server knows it */

    /* the transaction */
    int begun;   /* by the core, which has not ended it */
    int implied; /* the server will begin it with the first statement that needs one */
    int guarded; /* a savepoint will tell whether a statement has ended it … */
    int ended;   /* … which one has, and what is open now is another */
};

extern const weir_backend weir_mysql_backend;

static inline int64_t mys_now(const weir_host *host)
{
    return host->now_ns(host->ctx);
}

/* road.c */
int mys_road_survey(struct mys_road *road, const weir_host *host, const weir_target *target, weir_error *err);
void mys_road_end(struct mys_road *road);
int mys_socket_of(MYSQL *mysql);
void mys_forbid_reconnect(MYSQL *mysql); /* a new session would have nothing of the old one */
MYSQL *mys_road_connect(const struct mys_road *road, struct mys_wait *wait, weir_error *err); /* NULL: err says why */

/* limit.c: deadlines, cancel, interrupt */
void mys_library_init(void);
/* What the thread is in.  In a module that is loaded late, each look would be a call into the loader. */
#ifdef __GNUC__
extern _Thread_local struct mys_wait *mys_waiting __attribute__((tls_model("initial-exec")));
#else
extern _Thread_local struct mys_wait *mys_waiting;
#endif
void mys_hold_pipe(struct mys_wait *wait);
void mys_let_pipe(struct mys_wait *wait);
void mys_watch(MYSQL *mysql, const struct mys_road *road); /* its waits are ours from now on */
void mys_watch_socket(int fd);
int64_t mys_grace_end(const struct mys_road *road);
int mys_overdue(struct mys_conn *c); /* rows come, but the deadline too: 1 stopped, -1 given up, 0 there is time */
void mys_settle(struct mys_conn *c); /* drops what an abandoned stream still has */
void mys_cut_off(struct mys_conn *c);
void *mys_cancel_prepare(void *conn);
int mys_cancel(void *prepared, int64_t deadline_ns, weir_error *err);
void mys_interrupt(void *conn);

static inline void mys_wait_begin(struct mys_wait *w)
{
    w->outer = mys_waiting;
    mys_waiting = w;
    if (w->road->tls != MYS_TLS_OFF)
        mys_hold_pipe(w);
}

static inline void mys_wait_end(struct mys_wait *w)
{
    if (w->holds_pipe)
        mys_let_pipe(w);
    mys_waiting = w->outer;
}

static inline void mys_begins(struct mys_conn *c, int64_t deadline_ns, enum mys_patience patience)
{
    if (c->unread)
        mys_settle(c);
    c->wait.until = deadline_ns;
    c->wait.patience = patience;
    c->wait.timed_out = 0;
    c->busy = 1;
    mys_wait_begin(&c->wait);
}

/* The same, for what continues a statement.  If that was stopped, its last word is still to come. */
static inline void mys_goes_on(struct mys_conn *c, int64_t deadline_ns)
{
    c->wait.until = deadline_ns;
    c->wait.patience = MYS_STOP;
    if (c->wait.timed_out) {
        c->wait.until = mys_grace_end(&c->road);
        c->wait.patience = MYS_GIVE_UP;
    }
    c->busy = 1;
    mys_wait_begin(&c->wait);
}

static inline int mys_ends(struct mys_conn *c, int status)
{
    mys_wait_end(&c->wait);
    c->busy = 0;
    return status;
}

/* classify.c: what the client library's last error means */
int mys_fail_open(const struct mys_road *road, const struct mys_wait *wait, MYSQL *mysql, weir_error *err);
int mys_fail(struct mys_conn *c, MYSQL_STMT *handle, weir_error *err); /* handle NULL: the connection's own */
/* An error that nobody hears, among rows that are dropped.  Whatever runs next has to be told, or it would run outside of its transaction. */
void mys_keep_undone(struct mys_conn *c, const weir_error *err);
int mys_tell_undone(struct mys_conn *c, weir_error *err);    /* once */
int mys_is_stale(unsigned code);                             /* the statement has to be prepared again */
int mys_may_do_otherwise(int status, const weir_error *err); /* after a failure that left all as it was */

/* scan.c */
unsigned mys_scan(const char *sql);

/* open.c */
int mys_open(void *conn, const weir_host *host, const weir_target *target, int64_t deadline_ns, weir_error *err);
void mys_close(void *conn);
void mys_leave_to_parent(void *conn);
int mys_alive(void *conn);
int mys_ping(void *conn, int64_t deadline_ns, weir_error *err);

/* session.c */
int mys_settle_in(struct mys_conn *c, weir_error *err);            /* after open: the session's settings */
int mys_say(struct mys_conn *c, const char *sql, weir_error *err); /* a statement of the driver's own */
int mys_ask(struct mys_conn *c, char *out, size_t size, const char *sql, weir_error *err); /* 1: not NULL */
int mys_know_role(struct mys_conn *c, weir_error *err); /* before anything moves it */
int mys_dirty(void *conn);
int mys_reset(void *conn, int64_t deadline_ns, weir_error *err);
int mys_turn(void *conn, int read_only, int64_t deadline_ns, weir_error *err);
void *mys_native(void *conn);

static inline int mys_in_transaction(const struct mys_conn *c)
{
    return (c->status & SERVER_STATUS_IN_TRANS) != 0;
}

/* The same, as the core sees it, which is early. */
static inline int mys_is_inside(const struct mys_conn *c)
{
    return c->implied || mys_in_transaction(c);
}

/* After a success: another set of rows follows, or what a procedure says in the end. */
static inline int mys_has_more(const struct mys_conn *c)
{
    return (c->mysql->server_status & SERVER_MORE_RESULTS_EXIST) != 0;
}

/* keeps truth 3.  What the server says of transactions and autocommit counts, whoever has caused it. */
static inline void mys_note(struct mys_conn *c)
{
    c->status = c->mysql->server_status;
    if (mys_in_transaction(c))
        c->implied = 0;
    if (c->status & SERVER_STATUS_AUTOCOMMIT)
        c->manner = 0;
    c->changed |= (c->status & SERVER_SESSION_STATE_CHANGED) != 0;
    c->mysql->server_status &=
        ~(unsigned)SERVER_SESSION_STATE_CHANGED; /* MySQL's library would say so again with the next rows */
    c->unsure = 0;
}

/* statement.c */
int mys_prepare(void *conn, void **stmt, size_t *params, size_t *columns, const char *sql, int64_t deadline_ns,
                weir_error *err);
void mys_forget(void *conn, void *stmt);
void mys_forget_all(struct mys_conn *c);
void mys_bury(struct mys_conn *c); /* closes those that were forgotten, if no result is open */
int mys_refresh(struct mys_conn *c, struct mys_stmt *s, weir_error *err); /* prepared in this session, or again */
int mys_refused(struct mys_conn *c, struct mys_stmt *s, weir_error *err); /* mys_fail, of an execution */
/* 1: it has failed because it is to be prepared again, and will be; run.c knows when it has run nevertheless. */
int mys_outdate(const struct mys_conn *c, struct mys_stmt *s, const weir_error *err);

/* run.c */
int mys_run(void *conn, void *stmt, weir_args args, int want_rows, int64_t deadline_ns, weir_error *err);
int mys_know_packet_limit(struct mys_conn *c, weir_error *err);
int64_t mys_affected(void *conn);
int64_t mys_last_id(void *conn);

/* result.c */
int mys_fetch(struct mys_conn *c, struct mys_stmt *s, weir_error *err); /* WEIR_ROW, or WEIR_OK at the end of the set */
int mys_result_open(struct mys_conn *c, struct mys_stmt *s, int64_t *rows, weir_error *err); /* of what has been run */
int mys_result_open_plain(struct mys_conn *c, struct mys_stmt *s, weir_error *err);
int mys_next(void *conn, weir_value *cells, int64_t deadline_ns, weir_error *err);
int mys_next_set(void *conn, int64_t deadline_ns, weir_error *err);
void mys_abandon(void *conn);
size_t mys_columns(void *conn);
const char *mys_name(void *conn, size_t column);

/* many.c */
int mys_run_many(void *conn, void *stmt, const weir_args *rows, size_t count, size_t *done, int64_t *affected,
                 int64_t deadline_ns, weir_error *err);

/* bulk.c */
int mys_bulk_write(void *conn, uint64_t kind, const weir_bulk_spec *spec, const weir_value *const *rows, size_t count,
                   size_t *bad, int64_t deadline_ns, weir_error *err);

/* literal.c */
void mys_frames_end(struct mys_conn *c); /* when their statements are forgotten */

/* param.c */
extern const enum enum_field_types mys_types[]; /* of each type of value */
/* Quick, since each cell is looked at. */
static inline int mys_may_be_misfit(const weir_value *v)
{
    return v->type == WEIR_TIME || (v->type == WEIR_DOUBLE && !isfinite(v->as.d));
}
const char *mys_misfit(const weir_value *v); /* why no server takes it; NULL: it may */
void mys_put_time(MYSQL_TIME *out, const weir_host *host, int64_t us);
/* Adds to *bytes how long all texts, blobs and decimals are. */
int mys_bind(struct mys_conn *c, struct mys_stmt *s, weir_args args, uint64_t *bytes, weir_error *err);
int mys_bind_rows(struct mys_conn *c, struct mys_stmt *s, const weir_value *const *rows, size_t count, size_t columns,
                  weir_error *err);
void mys_params_end(struct mys_conn *c, struct mys_stmt *s);

/* column.c */
int mys_columns_fit(const struct mys_stmt *s); /* they are bound, to what the server sends now … */
int mys_columns_bind(struct mys_conn *c, struct mys_stmt *s, weir_error *err); /* … or are from now on */
void mys_columns_end(struct mys_conn *c, struct mys_stmt *s);
void mys_columns_shrink(struct mys_conn *c, struct mys_stmt *s); /* gives back what long values took */

/* cell.c */
void mys_bound_cells(const struct mys_stmt *s, weir_value *cells); /* those that were fetched into their places */
void mys_plain_row(const struct mys_result *r, weir_value *cells); /* the same, of a text that was sent as it is */
int mys_cell(void *conn, size_t column, weir_value *out);

/* transact.c */
int mys_begin(void *conn, unsigned isolation, int read_only, int64_t deadline_ns, weir_error *err);
int mys_has_transaction(void *conn);
int mys_commit(void *conn, int64_t deadline_ns, weir_error *err);
int mys_rollback(void *conn, int64_t deadline_ns, weir_error *err);
void mys_keep_nothing(struct mys_conn *c);                 /* after a reset */
int mys_leave_manner(struct mys_conn *c, weir_error *err); /* in no transaction */
int mys_suit_manner(struct mys_conn *c, unsigned traits, weir_error *err);
/* Before such a statement runs. */
static inline int mys_suit(struct mys_conn *c, unsigned traits, weir_error *err)
{
    if (!c->begun)
        c->last = 0;
    return c->manner ? mys_suit_manner(c, traits, err) : WEIR_OK;
}
/* The same, if it may: mys_tell_undone. */
static inline int mys_admit(struct mys_conn *c, unsigned traits, weir_error *err)
{
    const int st = c->undone ? mys_tell_undone(c, err) : WEIR_OK;
    return st < 0 ? st : mys_suit(c, traits, err);
}
void mys_look_behind(struct mys_conn *c); /* after it, where `guarded` is set */

static inline void *mys_resize(const weir_host *host, void *block, size_t size)
{
    return host->realloc(host->ctx, block, size);
}

static inline const char *mys_option(const weir_host *host, const char *name)
{
    return host->option(host->ctx, name);
}

#endif
