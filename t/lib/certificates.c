/*
 * Certificates of a test's own.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include "certificates.h"
#include "server.h"

#define PATH 512

struct maker {
    const char *openssl, *user, *folder, *log;
};

/* NAME.key and NAME.crt; without a name to be known by, it is an authority. */
static int make(const struct maker *m, const char *name, const char *subject, const char *other_name)
{
    char key[PATH], certificate[PATH], authority[PATH], authority_key[PATH];
    snprintf(key, sizeof key, "%s/%s.key", m->folder, name);
    snprintf(certificate, sizeof certificate, "%s/%s.crt", m->folder, name);
    snprintf(authority, sizeof authority, "%s/ca.crt", m->folder);
    snprintf(authority_key, sizeof authority_key, "%s/ca.key", m->folder);
    const char *const argv[] = { m->openssl,
                                 "req",
                                 "-x509",
                                 "-newkey",
                                 "ec",
                                 "-pkeyopt",
                                 "ec_paramgen_curve:prime256v1",
                                 "-nodes",
                                 "-days",
                                 "2",
                                 "-subj",
                                 subject,
                                 "-keyout",
                                 key,
                                 "-out",
                                 certificate,
                                 other_name ? "-addext" : NULL,
                                 other_name,
                                 "-CA",
                                 authority,
                                 "-CAkey",
                                 authority_key,
                                 NULL };
    return server_run(m->user, m->log, argv) == 0;
}

int certificates_make(const char *user, const char *folder, const char *log)
{
    static const char *const programs[] = { "openssl", "/usr/bin/openssl", NULL };
    static const char *openssl; /* kept by the program, as its path is */
    openssl = openssl ? openssl : server_program(programs);
    const struct maker m = { openssl, user, folder, log };
    return m.openssl && make(&m, "ca", "/CN=weir test authority", NULL) &&
           make(&m, "other", "/CN=weir test authority", NULL) &&
           make(&m, "server", "/CN=localhost", "subjectAltName=DNS:localhost") &&
           make(&m, "client", "/CN=certified", "extendedKeyUsage=clientAuth");
}
