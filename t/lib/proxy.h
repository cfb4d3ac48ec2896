/*
 * A proxy with faults: it stands between a client and a server on loopback, passes on what they say, and at a chosen byte stops doing
 * so.  It runs in a thread of the test.
 *
 *     struct proxy *p = proxy_start(server_port);
 *     … connect to proxy_port(p) …
 *     proxy_fault(p, PROXY_TO_CLIENT, PROXY_CUT, 100);
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef T_PROXY_H
#define T_PROXY_H

struct proxy;

enum proxy_way { PROXY_TO_CLIENT, PROXY_TO_SERVER };
enum proxy_fault {
    PROXY_NONE,
    PROXY_STALL, /* the rest is kept back; both sides stay connected */
    PROXY_CUT,   /* both sides are closed, in order */
    PROXY_RESET  /* both sides are reset */
};

struct proxy *proxy_start(int server_port);
void proxy_stop(struct proxy **p);
int proxy_port(const struct proxy *p);
/* Connections to come go to that port. */
void proxy_lead(struct proxy *p, int server_port);

/* From now on, once that many more bytes have passed that way, counted for each connection by itself, those to come included.
   PROXY_NONE lets go what was kept back. */
void proxy_fault(struct proxy *p, enum proxy_way way, enum proxy_fault fault, long after);
/* On the connections that there are now nothing passes any more, and nobody is told; those to come are not affected. */
void proxy_silence(struct proxy *p);
/* Every piece waits that long, both ways. */
void proxy_delay(struct proxy *p, int ms);
/* Connections to come get this text as an answer, and no server.  NULL: a server again. */
void proxy_answer(struct proxy *p, const char *text);

long proxy_connections(const struct proxy *p); /* ever */
long proxy_hung_up(
    const struct proxy *p); /* those that the server was the first to close, and the client can know it */
long proxy_passed(const struct proxy *p, enum proxy_way way); /* bytes ever, on all of them */
long proxy_round_trips(const struct proxy *p); /* how often a client has spoken after its server has, on all of them */

#endif
