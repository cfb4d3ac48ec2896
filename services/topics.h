/*
 * What headlines are about: coins and narratives, each with the phrases that stand for it.
 * SPDX-License-Identifier: MIT
 */
#ifndef SERVICES_TOPICS_H
#define SERVICES_TOPICS_H

#define TOPIC_PHRASES 16

struct topic {
    const char *name;                         /* NULL ends a list */
    const char *const phrases[TOPIC_PHRASES]; /* of plain words (words.h), NULL at the end */
};

#define COIN_COUNT 24
#define NARRATIVE_COUNT 15

extern const struct topic coins[COIN_COUNT + 1]; /* named by their symbols */
extern const struct topic narratives[NARRATIVE_COUNT + 1];

/* Whether one of the phrases is in there, its last word as it is or with an s: "bitcoin" is in "bitcoin's", too. */
int topic_in(const struct topic *t, const char *plain);

#endif
