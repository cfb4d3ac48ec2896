/*
 * What the pool thinks of its server, and what follows from it.
 *
 *            health_doubt: one died
 *            health_silent, health_refused    failed: `fall` in a row,
 *            (not heard meanwhile)            and none is left to ask
 *     UP ----------------------------> SUSPECT -----------------------> DOWN <---------+
 *      ^                                  |                               |            |
 *      +----------------------------------+                health_probing |            | failed
 *      |      health_good: any answer                                     v            |
 *      +------------------------------------------------------------- PROBING ---------+
 *             health_good: `rise` in a row
 *
 *     any ---- health_drain: shutdown ----> DRAINING
 *
 * What must be true:
 *  1. health_move alone moves the state.
 *  2. Nobody waits for a question but those who want the connection that is asked: questions are work, and one is asked at a time (laws
 *     7, 9).  So a server that has gone silent costs one time-out, not one a connection.
 *  3. Two verdicts are kept apart: whether it lets us connect, and whether it answers.  While it answers, it is not down: a password
 *     that was changed stops connects, and the open connections work on.  No room for one more is an answer, too.
 *  4. What has had no answer since the suspicion is doubted, whether it was idle then or comes back later.  One answer lifts the doubt
 *     from all; the look at its socket that each still gets finds those that were closed, which costs nothing and counts for nothing.
 * SPDX-License-Identifier: MIT
 */
#include <base/error.h>
#include <pool/inside.h>

#define RECENTLY NS_PER_S /* an answer that old still speaks for the server */

static void health_move(weir_pool *p, enum weir_health_state to, int64_t now)
{
    struct health *h = &p->health;
    if (h->state == to || h->state == WEIR_DRAINING)
        return;
    if (to == WEIR_DOWN && h->state != WEIR_PROBING)
        h->down_since = now;
    h->state = to;
    h->since = now;
    h->untold_count -= h->untold_count == sizeof h->untold;
    h->untold[h->untold_count++] = (unsigned char)to;
    p->nudge = true;
    if (to == WEIR_DOWN)
        waiters_fail_fast_locked(p, now);
}

void health_start(weir_pool *p, int64_t now)
{
    p->health =
        (struct health){ .state = WEIR_UP, .since = now, .connects = WEIR_NOT_KNOWN, .answers = WEIR_NOT_KNOWN };
}

bool health_is_down(const weir_pool *p)
{
    return p->health.state == WEIR_DOWN || p->health.state == WEIR_PROBING;
}

/* What maintenance saw of it stays true. */
static bool flag(struct weir_slot *s, uint64_t *word, uint64_t to)
{
    bool seen = s->seen_word == *word;
    if (!slot_move(s, word, to))
        return false;
    if (seen)
        s->seen_word = to;
    return true;
}

/* An idle one now, one that is lent when it comes back: whichever it is. */
static void doubt(struct weir_slot *s)
{
    uint64_t word = slot_word(s);
    while ((word_state(word) == SLOT_IDLE && !flag(s, &word, word | WORD_STALE | WORD_DOUBT)) ||
           (word_state(word) == SLOT_LENT && !slot_move(s, &word, word | WORD_STICKY)))
        ;
}

static void trust_idle_locked(weir_pool *p)
{
    POOL_EACH(s, p)
    {
        uint64_t word = slot_word(s);
        while (word_state(word) == SLOT_IDLE && !flag(s, &word, word & ~WORD_DOUBT))
            ;
    }
}

static bool is_doubted(const struct weir_slot *s)
{
    uint64_t word = slot_word(s);
    return word_state(word) == SLOT_IDLE && word & WORD_DOUBT;
}

static bool any_doubted_locked(const weir_pool *p)
{
    POOL_EACH(s, p)
    {
        if (is_doubted(s))
            return true;
    }
    return p->checking > 0;
}

/* When an open connection last had an answer; INT64_MIN: there is none. */
static int64_t last_proven(const weir_pool *p)
{
    int64_t last = INT64_MIN;
    POOL_EACH(s, p)
    {
        int64_t proven = atomic_load_explicit(&s->proven, memory_order_relaxed);
        enum slot_state state = word_state(slot_word(s));
        if ((state == SLOT_IDLE || state == SLOT_LENT) && proven > last)
            last = proven;
    }
    return last;
}

static int64_t probe_pause(const weir_pool *p)
{
    return p->config.probe_interval ? p->config.probe_interval : p->config.backoff_max;
}

/* keeps law 9; where somebody holds a connection, his next statement may answer before we have to ask */
static void suspect_locked(weir_pool *p, int64_t now)
{
    p->health.doubted = now;
    p->health.probe_at = pool_lent_locked(p) ? clock_add(now, RECENTLY) : now;
    POOL_EACH(s, p)
    doubt(s);
    health_move(p, WEIR_SUSPECT, now);
}

uint64_t health_marks_locked(const weir_pool *p, const struct weir_slot *s)
{
    if (atomic_load_explicit(&s->proven, memory_order_relaxed) >= p->health.doubted)
        return p->idle_flags;
    return p->health.state == WEIR_UP ? WORD_STALE : WORD_STALE | WORD_DOUBT;
}

/* How long until the next of the answers that a server that was down owes us. */
static int64_t rise_pause(const weir_pool *p)
{
    return probe_pause(p) < p->config.backoff_max ? probe_pause(p) : p->config.backoff_max;
}

void health_good_locked(weir_pool *p, bool connected, int64_t now)
{
    struct health *h = &p->health;
    if (connected)
        h->connects = WEIR_YES;
    if (connected || p->config.can_check)
        h->answers = WEIR_YES;
    h->failures = 0;
    h->successes++;
    if (health_is_down(p) && h->successes < p->config.rise) {
        h->doubted = now; /* each answer counts once */
        h->probe_at = clock_add(now, rise_pause(p));
    } else if (h->state != WEIR_UP) {
        trust_idle_locked(p);
        health_move(p, WEIR_UP, now);
        waiters_serve_locked(p, LANE_READ);
        waiters_serve_locked(p, LANE_WRITE);
    }
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void failed_locked(weir_pool *p, int64_t now)
{
    struct health *h = &p->health;
    bool down = h->state == WEIR_PROBING || (h->failures >= p->config.fall && !any_doubted_locked(p));
    h->successes = 0;
    if (down)
        h->doubted = now; /* whoever has an answer from now on proves us wrong */
    h->probe_at = down || health_is_down(p) ? later(clock_add(now, probe_pause(p)), p->next_open) : now;
    if (down)
        health_move(p, WEIR_DOWN, now);
}

/* keeps truth 3: where open connections have had answers lately, the back-off of connects is enough */
void health_refused_locked(weir_pool *p, const weir_error *why, int64_t now)
{
    struct health *h = &p->health;
    h->last = *why;
    h->connects = WEIR_NO;
    if (last_proven(p) >= later(h->doubted, now - RECENTLY))
        return;
    if (h->state == WEIR_UP)
        suspect_locked(p, now);
    h->failures++;
    failed_locked(p, now);
}

void health_full_locked(weir_pool *p, const weir_error *why, int64_t now)
{
    p->health.last = *why;
    p->health.connects = WEIR_NO;
    if (p->health.state != WEIR_UP)
        health_good_locked(p, false, now);
}

/* keeps law 9: neither what is doubted nor what waits to be reset is tried one by one */
static void give_up_doubted_locked(weir_pool *p)
{
    POOL_EACH(s, p)
    {
        uint64_t word = slot_word(s);
        if (word & WORD_DOUBT)
            work_retire_locked(p, s, word);
        else
            work_spare_reset_locked(p, s);
    }
}

/* While others had answers, it is the connection that is dead, not the server. */
void health_silent_locked(weir_pool *p, const weir_error *why, int64_t began, int64_t now)
{
    struct health *h = &p->health;
    bool heard = last_proven(p) > began;
    h->last = *why;
    h->answers = WEIR_NO;
    if (h->state == WEIR_UP)
        suspect_locked(p, now);
    if (heard)
        return;
    h->failures++;
    if (why->status == WEIR_E_TIMEOUT || h->failures >= p->config.fall)
        give_up_doubted_locked(p);
    failed_locked(p, now);
}

void health_doubt_locked(weir_pool *p, const weir_error *why, int64_t now)
{
    p->health.last = *why;
    if (p->health.state == WEIR_UP)
        suspect_locked(p, now);
}

void health_probing_locked(weir_pool *p, int64_t now)
{
    if (p->health.state == WEIR_DOWN)
        health_move(p, WEIR_PROBING, now);
}

/* The next probe comes as soon as the breaker allows it, as it would for somebody who waits. */
void health_hurry_locked(weir_pool *p, int64_t now)
{
    int64_t at = later(p->next_open, now);
    if (at >= p->health.probe_at)
        return;
    p->health.probe_at = at;
    p->nudge = true;
}

void health_drain_locked(weir_pool *p, int64_t now)
{
    health_move(p, WEIR_DRAINING, now);
}

/* ---- questions */

/* keeps law 1: a connection that is asked stays what it was, one of its lane */
static bool ask_locked(weir_pool *p, struct weir_slot *s)
{
    uint64_t word = slot_word(s);
    if (p->checking || word_state(word) != SLOT_IDLE || !slot_move(s, &word, word_in(word, SLOT_RESETTING)))
        return false;
    s->check = true;
    p->checking++;
    p->lanes[word_lane(word)].coming++;
    work_queue_locked(p, s);
    return true;
}

bool health_check_locked(weir_pool *p, enum lane_kind lane)
{
    POOL_EACH(s, p)
    {
        if (is_doubted(s) && word_lane(slot_word(s)) == lane && ask_locked(p, s))
            return true;
    }
    return false;
}

/* The idle one that has gone without an answer for the longest time, and in *oldest since when. */
static struct weir_slot *longest_idle_locked(const weir_pool *p, int64_t *oldest)
{
    struct weir_slot *longest = NULL;
    *oldest = NEVER;
    POOL_EACH(s, p)
    {
        int64_t proven = atomic_load_explicit(&s->proven, memory_order_relaxed);
        if (word_state(slot_word(s)) == SLOT_IDLE && proven < *oldest) {
            longest = s;
            *oldest = proven;
        }
    }
    return longest;
}

static bool ask_longest_idle_locked(weir_pool *p)
{
    int64_t oldest;
    struct weir_slot *s = longest_idle_locked(p, &oldest);
    return s && ask_locked(p, s);
}

/* A server that has let us in again is asked on the connection that it gave us; a pool that is full has no other way. */
bool health_probe_locked(weir_pool *p, int64_t now)
{
    struct health *h = &p->health;
    if (h->state == WEIR_UP || p->closed || p->opening || p->checking || now < h->probe_at)
        return false;
    if (health_check_locked(p, LANE_READ) || health_check_locked(p, LANE_WRITE))
        return true;
    bool asked = (p->config.can_check && ask_longest_idle_locked(p)) ||
                 governor_open_locked(p, governor_spare_lane(p), now, NULL) || ask_longest_idle_locked(p);
    /* not asked: the breaker is shut until then, or what died is perhaps still being closed */
    h->probe_at = asked ? clock_add(now, probe_pause(p)) : later(p->next_open, clock_add(now, TICK));
    return asked;
}

/* When a server that is UP is asked next: so that idle connections are kept alive, and a silent server is noticed. */
static int64_t question_due_locked(const weir_pool *p, struct weir_slot **whom)
{
    int64_t oldest, due = NEVER;
    *whom = longest_idle_locked(p, &oldest);
    bool busy = p->checking + p->recycling >= p->config.max_connecting; /* keeps law 11 */
    if (!*whom || !p->config.can_check || p->checking || busy || p->health.state != WEIR_UP)
        return NEVER;
    if (p->config.keepalive)
        due = clock_add(oldest, p->config.keepalive);
    int64_t probe = clock_add(last_proven(p), p->config.probe_interval);
    if (p->config.probe_interval && probe < due)
        due = probe;
    return due;
}

/* keeps law 8: known without a clock on the warm path, because the mark is made here */
void health_age_locked(weir_pool *p, int64_t now)
{
    int64_t by_then = clock_add(now, TICK); /* it is not looked at again before */
    POOL_EACH(s, p)
    {
        uint64_t word = slot_word(s), marks = 0;
        if (word_state(word) != SLOT_IDLE || word != s->seen_word)
            continue;
        if (by_then - s->seen_at >= p->config.look_after)
            marks |= WORD_STALE;
        if (p->config.validate_after && p->config.can_check && now - s->proven >= p->config.validate_after)
            marks |= WORD_DOUBT;
        if (marks & ~word && slot_move(s, &word, word | marks))
            s->seen_word = word | marks;
    }
}

void health_look_locked(weir_pool *p, int64_t now)
{
    struct weir_slot *whom;
    health_age_locked(p, now);
    bool up = p->health.state == WEIR_UP || p->closed;
    if (!up && last_proven(p) > p->health.doubted)
        health_good_locked(p, false, now);
    else if (question_due_locked(p, &whom) <= now)
        ask_locked(p, whom);
}

int64_t health_due_locked(const weir_pool *p)
{
    struct weir_slot *whom;
    if (p->closed || p->opening || p->checking)
        return NEVER; /* what is under way nudges when it has ended */
    return p->health.state == WEIR_UP ? question_due_locked(p, &whom) : p->health.probe_at;
}

int64_t health_next_locked(const weir_pool *p, int64_t now)
{
    int64_t question = health_due_locked(p), connect = governor_due_locked(p, now);
    if (p->opening || p->checking)
        return now; /* one is under way */
    return question < connect ? question : connect;
}

/* ---- for whoever wants to know */

static const char *const state_texts[] = {
    [WEIR_UP] = "the pool is up",
    [WEIR_SUSPECT] = "the pool is suspect",
    [WEIR_DOWN] = "the pool is down",
    [WEIR_PROBING] = "the pool is being probed",
    [WEIR_DRAINING] = "the pool is being shut down",
};

void health_tell(weir_pool *p, const struct health *h)
{
    bool well = h->state == WEIR_UP || h->state == WEIR_DRAINING;
    p->home.event(p->home.arg, p, WEIR_EVENT_HEALTH, state_texts[h->state], well ? NULL : &h->last);
}

void pool_health(weir_pool *p, weir_health *out)
{
    pool_lock(p);
    int64_t now = clock_now(p->home.clock); /* not before: the state may be younger */
    const struct health *h = &p->health;
    int64_t due = health_next_locked(p, now);
    *out = (weir_health){
        .size = sizeof *out,
        .state = (uint32_t)h->state,
        .connects = h->connects,
        .answers = h->answers,
        .failures = h->failures,
        .since_ms = (now - h->since) / NS_PER_MS,
        .next_probe_ms = due == NEVER ? -1
                         : due > now  ? (due - now + NS_PER_MS - 1) / NS_PER_MS
                                      : 0,
        .last = h->last,
    };
    pool_unlock(p);
}
