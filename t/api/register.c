/*
 * Registering a driver: what is wrong with one is found then, and neither its name nor a scheme may be taken.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>
#include <tap.h>
#include <weir.h>
#include <weir/backend.h>

static int refuse_open(void *conn, const weir_host *host, const weir_target *target, int64_t deadline_ns,
                       weir_error *err)
{
    (void)conn;
    (void)deadline_ns;
    return host->fail(err, WEIR_E_CONNECT, "nobody lives at '%s'", target->host);
}

static void do_nothing(void *conn)
{
    (void)conn;
}

static int say_no(void *conn)
{
    (void)conn;
    return 0;
}

static int refuse_reset(void *conn, int64_t deadline_ns, weir_error *err)
{
    (void)conn;
    (void)deadline_ns;
    memset(err, 0, sizeof *err);
    return err->status = WEIR_E_UNSUPPORTED;
}

static const char *const first_schemes[] = { "first", "premier", NULL };
static const char *const second_schemes[] = { "second", NULL };
static const char *const taken_schemes[] = { "third", "premier", NULL };

static weir_backend driver(const char *name, const char *const *schemes)
{
    weir_backend b = {
        .abi = WEIR_BACKEND_ABI,
        .size = sizeof b,
        .name = name,
        .schemes = schemes,
        .conn_size = 1,
        .open = refuse_open,
        .close = do_nothing,
        .abandon = do_nothing,
        .alive = say_no,
        .dirty = say_no,
        .reset = refuse_reset,
    };
    return b;
}

static void refuses(weir_backend b, int status, const char *text)
{
    weir_error err;
    is_int(weir_backend_register(&b, &err), status, "refused as %s", weir_status_name(status));
    has_text(err.text, text, "it says: %s", text);
}

static void refuses_flaws(void)
{
    weir_backend b = driver("flawed", second_schemes);
    b.abi++;
    refuses(b, WEIR_E_ABI, "is made for backend ABI");
    b = driver("flawed", second_schemes);
    b.size--;
    refuses(b, WEIR_E_ABI, "older <weir/backend.h>");
    b = driver("flawed", second_schemes);
    b.reset = NULL;
    refuses(b, WEIR_E_ABI, "a mandatory hook is missing");
    b = driver("flawed", second_schemes);
    b.caps = WEIR_CAP_PING;
    refuses(b, WEIR_E_ABI, "WEIR_CAP_PING and ping disagree");
    refuses(driver(NULL, second_schemes), WEIR_E_ABI, "no name");
    is_int(weir_backend_register(NULL, NULL), WEIR_E_ARGUMENT, "no driver at all is refused");
}

int main(void)
{
    static weir_backend first;
    weir_db *db;
    weir_error err;
    first = driver("first", first_schemes);
    refuses_flaws();

    is_int(weir_backend_register(&first, &err), WEIR_OK, "a driver is registered");
    refuses(driver("other", taken_schemes), WEIR_E_ARGUMENT, "the scheme 'premier' is taken by driver 'first'");
    refuses(driver("first", second_schemes), WEIR_E_ARGUMENT, "the name is taken");
    refuses(driver("null", second_schemes), WEIR_E_ARGUMENT, "the name is taken");

    is_int(weir_db_open(&db, "premier://somewhere/", NULL, &err), WEIR_OK, "it serves its schemes");
    is_text(weir_db_driver(db), "first", "under its name");
    is_int(weir_db_ready(db, WEIR_READ, weir_after_ms(10000), &err), WEIR_E_CONNECT, "what it says of a connect …");
    has_text(err.text, "nobody lives at 'somewhere'", "… is told to the caller");
    weir_db_close(&db);
    return tap_done();
}
