/*
 * Text grows in a fixed buffer; a misspelt name finds its neighbour.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>
#include <base/text.h>
#include "tap.h"

static void growing(void)
{
    char room[17];
    memset(room, 'z', sizeof room);
    struct text t = text_in(room, 16);
    is_text(t.at, "", "a new text is empty");
    text_add(&t, "one");
    text_add(&t, " %d", 2);
    is_text(t.at, "one 2", "text is added at the end");
    is_int(t.length, 5, "its length is known");
    text_add(&t, "%s", "");
    is_text(t.at, "one 2", "nothing adds nothing");
    text_add(&t, "%s", "0123456789");
    is_text(t.at, "one 20123456789", "the buffer can be filled to its last byte");
    text_add(&t, "x");
    is_text(t.at, "one 20123456789", "and not beyond");
    is_int(t.length, 15, "the length is that of what is there");
    is_int(room[16], 'z', "the byte behind is untouched");

    t = text_in(room, 1);
    text_add(&t, "x");
    is_text(t.at, "", "a buffer of one byte holds the empty text");
}

static void cutting(void)
{
    char room[8];
    struct text t = text_in(room, sizeof room);
    text_add(&t, "12345\xe2\x82\xac");
    is_text(t.at, "12345", "a character that does not fit whole is left out");
    text_add(&t, "x");
    is_text(t.at, "12345", "and nothing is put behind the gap");
    t = text_in(room, sizeof room);
    text_add(&t, "1234\xe2\x82\xac");
    is_text(t.at, "1234\xe2\x82\xac", "one that fits stays");
}

static const char *const names[] = { "pool_size", "pool_min",     "acquire_timeout", "query_timeout",
                                     "threads",   "idle_timeout", "reset",           NULL };

static void neighbours(void)
{
    is_text(nearest_name("pool_sise", names), "pool_size", "a letter changed");
    is_text(nearest_name("pol_size", names), "pool_size", "a letter left out");
    is_text(nearest_name("pool__size", names), "pool_size", "a letter too many");
    is_text(nearest_name("pool_szie", names), "pool_size", "two letters swapped");
    is_text(nearest_name("opol_szie", names), "pool_size", "two swaps, for a third of nine letters is three");
    is_text(nearest_name("poolsize", names), "pool_size", "an underscore forgotten");
    is_text(nearest_name("threads", names), "threads", "the name itself");
    is_text(nearest_name("restt", names), "reset", "short words may have one fault");
    is_text(nearest_name("rseet", names), "reset", "a swap is one fault");
    is_text(nearest_name("rsett", names), NULL, "and not two");
    is_text(nearest_name("aquire_timeot", names), "acquire_timeout", "a long one may have more");
    is_text(nearest_name("colour", names), NULL, "what is far from all has none");
    is_text(nearest_name("", names), NULL, "nor has the empty word");
    is_text(nearest_name("pool_size", (const char *const[]){ NULL }), NULL, "in no names nothing is near");
    is_text(nearest_name("ab", (const char *const[]){ "ac", "ab", "xb", NULL }), "ab", "the nearest wins");
    is_text(nearest_name("ab", (const char *const[]){ "ac", "xb", NULL }), "ac", "of two the first");

    char lengthy[200];
    memset(lengthy, 'a', sizeof lengthy - 1);
    lengthy[sizeof lengthy - 1] = '\0';
    is_text(nearest_name(lengthy, names), NULL, "an endless word is near nothing");
    is_text(nearest_name("a", (const char *const[]){ lengthy, "b", NULL }), "b", "an endless name is passed over");
    lengthy[63] = '\0';
    is_text(nearest_name(lengthy, (const char *const[]){ lengthy, NULL }), lengthy, "63 letters are not endless");
}

int main(void)
{
    growing();
    cutting();
    neighbours();
    return tap_done();
}
