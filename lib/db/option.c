/*
 * The core's rows of the option table.  A row here is a row in weir-uri(7): t/style/man holds them together.
 * SPDX-License-Identifier: MIT
 */
#include <stddef.h>
#include <db/option.h>

const weir_option core_options[] = {
    { "pool_size", "int", "8", "1..4096", "the most connections that exist to one server at any instant" },
    { "pool_min", "int", "0", "0..4096", "connections that are kept open when idle" },
    { "write_reserve", "int", "-1", "-1..4095",
      "of these, places that only writers may use, so that readers never starve them; -1: a quarter" },
    { "write_concurrency", "int|auto", "0", "0..4096",
      "how many may hold a write connection at once, in order; 0: as many as there are; auto: as many as get most "
      "done, found by trial" },
    { "acquire_timeout", "duration", "30s", "0s..1d",
      "how long a caller waits for a connection unless it says otherwise" },
    { "query_timeout", "duration", "30s", "0s..30d",
      "how long a statement may take unless its caller says otherwise; 0: any time" },
    { "connect_timeout", "duration", "5s", "1ms..1h", "how long opening or resetting a connection may take" },
    { "idle_timeout", "duration", "10m", "10ms..30d", "how long a connection may be idle before it is closed" },
    { "max_lifetime", "duration", "30m", "0s..365d",
      "how long a connection lives at most: it is replaced then, before it goes where there is room; 0: for ever" },
    { "lifetime_jitter", "int", "20", "0..90",
      "by how many per cent a life is shorter at most, so that connections made together do not end together" },
    { "look_after", "duration", "500ms", "0s..1h",
      "a connection that was idle for so long is looked at before it is lent, without a round trip" },
    { "validate_after", "duration", "2m", "0s..30d",
      "one that had no answer from the server for so long is asked first; 0: never" },
    { "keepalive", "duration", "1m", "0s..30d", "an idle one is asked as often; 0: never" },
    { "probe_interval", "duration", "5s", "0s..1h",
      "how often a server is asked whether it answers, if nobody else had an answer meanwhile; 0: never" },
    { "probe_timeout", "duration", "2s", "1ms..1h", "how long that may take" },
    { "probe_fall", "int", "2", "1..1000", "failures in a row that make a server count as down" },
    { "probe_rise", "int", "1", "1..1000", "successes in a row that make it count as up again" },
    { "fail_fast", "bool", "off", "", "while the server is down callers are told so at once; off: they wait for it" },
    { "shed_after", "duration", "0s", "0s..1h",
      "when a queue has stood for long, whoever has waited for so long is refused; 0: nobody is" },
    { "nested", "choice", "wait", "wait|refuse",
      "what a thread that holds all connections gets when it asks for one more: refuse says so at once" },
    { "max_connecting", "int", "2", "1..64", "connects under way at once" },
    { "connect_backoff", "duration", "100ms", "1ms..1h",
      "the longest pause after the first failed connect; it doubles with each" },
    { "connect_backoff_max", "duration", "1s", "1ms..1h",
      "what that pause grows to at most; once the server counts as down, one connect is tried so often" },
    { "overtake_limit", "duration", "1ms", "0s..1s",
      "how long a waiter may be overtaken by a caller that finds a connection free; where one connection writes, a "
      "tenth of that" },
    { "leak_after", "duration", "0s", "0s..30d", "a loan older than this is reported, once; 0: none is" },
    { "reset", "choice", "auto", "auto|always|never",
      "when a session is reset before it is lent again: when it is not provably clean, always, or never (then only "
      "results and "
      "transactions are ended)" },
    { "statement_cache", "int", "64", "0..10000", "prepared statements that are kept on a connection" },
    { "transact_attempts", "int", "10", "1..1000", "how often weir_transact runs its body at most" },
    { "threads", "choice", "auto", "auto|none",
      "auto: threads of the library's own connect and tidy up; none: the callers do" },
    { "password_file", "text", "", "",
      "a file with the password, read at each connect; wins over a password in the URL" },
    { NULL, NULL, NULL, NULL, NULL },
};
