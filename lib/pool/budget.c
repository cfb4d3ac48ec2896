/*
 * The budget of retries.  What failed because a connection was lost has failed for many at once, and if all of them tried again a server
 * that has just come back would be met by twice the work.  So only so many do: each transaction earns a tenth of a retry, and there are
 * a few to begin with, for programs that run few transactions.
 * SPDX-License-Identifier: MIT
 */
#include <pool/inside.h>

#define PRICE 10 /* transactions that earn a retry */
#define FIRST 10 /* retries that nobody has earned */
#define MOST 100 /* that are saved up */

void budget_start(weir_pool *p)
{
    atomic_store_explicit(&p->retry_credit, FIRST * PRICE, memory_order_relaxed);
}

void pool_earn_retry(weir_pool *p)
{
    if (atomic_load_explicit(&p->retry_credit, memory_order_relaxed) < MOST * PRICE)
        atomic_fetch_add_explicit(&p->retry_credit, 1, memory_order_relaxed);
}

bool pool_spend_retry(weir_pool *p)
{
    int credit = atomic_load_explicit(&p->retry_credit, memory_order_relaxed);
    while (credit >= PRICE)
        if (atomic_compare_exchange_weak(&p->retry_credit, &credit, credit - PRICE))
            return true;
    pool_count(p, COUNT_RETRY_REFUSED);
    return false;
}
