/*
 * An error is written whole, in one line of whole characters.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>
#include <base/error.h>
#include "tap.h"

#define ROOM (sizeof((weir_error *)0)->text - 1)

static void writing(void)
{
    weir_error err, blank = { 0 };
    memset(&err, 0xff, sizeof err);
    is_int(fail(&err, WEIR_E_LOST, "server %d of %s", 3, "db"), WEIR_E_LOST, "fail returns the status");
    is_int(err.status, WEIR_E_LOST, "and writes it");
    is_text(err.text, "server 3 of db", "and the text");
    ok(err.native == 0 && err.flags == 0 && err.sqlstate[0] == 0, "native, flags and sqlstate are zero");
    ok(memcmp(err.sqlstate, blank.sqlstate, sizeof err.sqlstate) == 0 &&
           memcmp(err.reserved, blank.reserved, sizeof err.reserved) == 0,
       "what was there before is gone");
    is_int(fail(NULL, WEIR_E_DATA, "nobody reads this"), WEIR_E_DATA, "err may be NULL");
    fail(&err, WEIR_E_DATA, "one\ntwo\r\n\tthree\x7f");
    is_text(err.text, "one two   three ", "newlines and other control characters become spaces");
    fail(&err, WEIR_E_LOST, "inner");
    fail(&err, WEIR_E_DATA, "outer %s", err.text);
    is_text(err.text, "outer inner", "an error's own text may be an argument");
}

/* `lead` bytes of 'a', then `more` again and again. */
static void cut(size_t lead, const char *more, size_t want)
{
    char long_text[2000];
    size_t length = lead;
    weir_error err;
    memset(long_text, 'a', lead);
    while (length < 1000)
        length += (size_t)sprintf(long_text + length, "%s", more);
    fail(&err, WEIR_E_DATA, "%s", long_text);
    is_int(strlen(err.text), want, "after %zu bytes, characters of %zu are cut at an end of one", lead, strlen(more));
    ok(memcmp(err.text, long_text, want) == 0, "and what is left is the beginning");
}

static void cutting(void)
{
    cut(0, "a", ROOM);
    cut(1, "\xc3\xa9", ROOM); /* 491 = 1 + 245 * 2 */
    cut(0, "\xc3\xa9", ROOM - 1);
    cut(2, "\xe2\x82\xac", ROOM); /* 491 = 2 + 163 * 3 */
    cut(1, "\xe2\x82\xac", ROOM - 1);
    cut(0, "\xe2\x82\xac", ROOM - 2);
    cut(3, "\xf0\x9f\x98\x80", ROOM); /* 491 = 3 + 122 * 4 */
    cut(2, "\xf0\x9f\x98\x80", ROOM - 1);
    cut(1, "\xf0\x9f\x98\x80", ROOM - 2);
    cut(0, "\xf0\x9f\x98\x80", ROOM - 3);
    cut(0, "\x80", ROOM); /* no UTF-8 at all */
    cut(ROOM - 1, "\xc3\xa9", ROOM - 1);
    cut(ROOM, "\xc3\xa9", ROOM);
}

static void passing_on(void)
{
    weir_error cause, err;
    fail(&cause, WEIR_E_AUTH, "access denied");
    cause.native = 1045;
    cause.flags = WEIR_CONNECTION_DEAD;
    strcpy(cause.sqlstate, "28000");
    memset(&err, 0xff, sizeof err);
    is_int(fail_as(&err, &cause), WEIR_E_AUTH, "fail_as returns the status of the cause");
    ok(memcmp(&err, &cause, sizeof err) == 0, "and copies all of it");
    is_int(fail_as(NULL, &cause), WEIR_E_AUTH, "to nobody, too");
    memset(&err, 0x55, sizeof err);
    is_int(fail_as(&err, NULL), WEIR_OK, "no cause is no failure");
    is_int(err.status, 0x55555555, "and writes nothing");

    is_int(fail_in(&err, &cause, "host %s", "h1"), WEIR_E_AUTH, "fail_in returns the status of the cause");
    is_text(err.text, "host h1: access denied", "and puts its text in front");
    ok(err.native == 1045 && err.flags == WEIR_CONNECTION_DEAD, "native and flags are the cause's");
    is_text(err.sqlstate, "28000", "and its sqlstate");
    fail_in(&cause, &cause, "pool %d", 1);
    is_text(cause.text, "pool 1: access denied", "err and cause may be one");
    is_int(fail_in(NULL, &cause, "x"), WEIR_E_AUTH, "err may be NULL");
    is_int(fail_in(&err, NULL, "x"), WEIR_OK, "and the cause");
    char lead[600];
    memset(lead, 'a', sizeof lead - 1);
    lead[sizeof lead - 1] = '\0';
    fail_in(&err, &cause, "%s", lead);
    is_int(strlen(err.text), ROOM, "a long lead is cut");
}

static void names(void)
{
    static const int known[] = { 0,   1,   2,   -1,  -2,  -3,  -4,  -5,  -6,  -7,  -8,  -9,  -20,
                                 -21, -22, -23, -40, -41, -42, -43, -44, -45, -60, -61, -62, -63,
                                 -64, -65, -66, -67, -68, -69, -70, -71, -72, -73, -74, -75 };
    size_t count = sizeof known / sizeof *known;
    int different = 1, named = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            different = different && strcmp(weir_status_name(known[i]), weir_status_name(known[j])) != 0;
    ok(different, "every status has a name of its own");
    for (int i = -1000; i <= 1000; i++)
        named += strcmp(weir_status_name(i), "unknown") != 0;
    is_int(named, count, "and nothing else has one");
    is_text(weir_status_name(WEIR_OK), "ok", "0 is ok");
    is_text(weir_status_name(WEIR_E_EXHAUSTED), "exhausted", "exhausted");
    is_text(weir_status_name(WEIR_E_DEADLOCK_SELF), "deadlock_self", "deadlock_self");
    is_text(weir_status_name(WEIR_E_IN_DOUBT), "in_doubt", "in_doubt");
    is_text(weir_status_name(WEIR_E_FOREIGN_KEY), "foreign_key", "foreign_key");
    is_text(weir_status_name(WEIR_E_SERVER), "server", "server");
    is_text(weir_status_name(INT32_MIN), "unknown", "anything else is unknown");
}

int main(void)
{
    writing();
    cutting();
    passing_on();
    names();
    int parts[3], end = 0;
    is_int(sscanf(weir_version(), "%d.%d.%d%n", &parts[0], &parts[1], &parts[2], &end), 3,
           "the version is three numbers: %s", weir_version());
    is_int(end, strlen(weir_version()), "and nothing else");
    return tap_done();
}
