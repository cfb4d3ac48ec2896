/*
 * Lists of structs that carry their link.
 * SPDX-License-Identifier: MIT
 */
#include <base/list.h>
#include "tap.h"

struct item {
    int number;
    struct list link;
};

/* The numbers in order, as decimal digits. */
static int spelt(struct list *head)
{
    int digits = 0;
    LIST_EACH (at, head)
        digits = digits * 10 + LIST_ITEM(at, struct item, link)->number;
    return digits;
}

int main(void)
{
    struct list head;
    struct item items[4];
    list_init(&head);
    ok(list_empty(&head) && !list_first(&head), "a new list is empty");
    for (int i = 0; i < 4; i++) {
        items[i].number = i + 1;
        list_init(&items[i].link);
    }
    list_append(&head, &items[0].link);
    list_append(&head, &items[1].link);
    list_push(&head, &items[2].link);
    list_push(&head, &items[3].link);
    is_int(spelt(&head), 4312, "append goes to the end, push to the front");
    ok(!list_empty(&head) && list_first(&head) == &items[3].link, "the first is the last pushed");
    list_remove(&items[0].link);
    is_int(spelt(&head), 432, "one in the middle can be removed");
    list_remove(&items[0].link);
    is_int(spelt(&head), 432, "removing what is in no list does nothing");
    ok(list_empty(&items[0].link), "and it points to itself");
    LIST_EACH (at, &head)
        list_remove(at);
    ok(list_empty(&head), "a walk may remove what it stands on");
    return tap_done();
}
