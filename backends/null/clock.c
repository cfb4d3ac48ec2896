/*
 * The scripted clock: a moment, and the events that are planned for later ones.
 * Time never goes backwards, and never passes an event by.
 * SPDX-License-Identifier: MIT
 */
#include "local.h"

void null_clock_init(struct null_clock *clock, int64_t start_ns, enum null_clock_mode mode)
{
    atomic_init(&clock->now_ns, start_ns);
    clock->mode = mode;
    clock->events = NULL;
}

int64_t null_clock_now(void *clock)
{
    return ((struct null_clock *)clock)->now_ns;
}

/* Behind those of the same moment: events run in the order in which they were planned. */
void null_clock_at(struct null_clock *clock, struct null_event *event)
{
    null_world_lock();
    struct null_event **at = &clock->events;
    while (*at && (*at)->at_ns <= event->at_ns)
        at = &(*at)->next;
    event->next = *at;
    *at = event;
    null_world_unlock();
}

static void move_to(struct null_clock *clock, int64_t moment)
{
    if (moment > clock->now_ns)
        clock->now_ns = moment;
}

/* Moves to `until`, or only to the first event before it, which is taken out.  The world is locked. */
static struct null_event *move_to_event(struct null_clock *clock, int64_t until_ns)
{
    struct null_event *event = clock->events;
    if (event && event->at_ns <= until_ns) {
        clock->events = event->next;
        move_to(clock, event->at_ns);
        return event;
    }
    if (until_ns != INT64_MAX)
        move_to(clock, until_ns);
    return NULL;
}

/* One move towards `until`; returns whether it was to an event, which has run then. */
static int play(struct null_clock *clock, int64_t until_ns)
{
    null_world_lock();
    struct null_event *event = move_to_event(clock, until_ns);
    null_wake_all(clock);
    null_world_unlock();
    if (event)
        event->run(event->arg);
    return event != NULL;
}

/* Lets time pass until that moment or the next event; 0: there is no such moment, and nothing is left to happen. */
int null_clock_step(struct null_clock *clock, int64_t until_ns)
{
    return play(clock, until_ns) || until_ns != INT64_MAX;
}

void null_clock_advance(struct null_clock *clock, int64_t ns)
{
    int64_t now = clock->now_ns, until = ns > INT64_MAX - 1 - now ? INT64_MAX - 1 : now + ns;
    while (play(clock, until))
        ;
}
