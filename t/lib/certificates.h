/*
 * Certificates of a test's own.
 * SPDX-License-Identifier: MIT
 */
#ifndef T_CERTIFICATES_H
#define T_CERTIFICATES_H

/*
 * Made with openssl 3, by that user, in that folder: an authority (ca.crt), another that has signed nothing (other.crt), and of the first
 * a server's for the name `localhost` (server.crt, server.key) and a client's for the user `certified` (client.crt, client.key).
 * 0: there is no such openssl, and the log says what there is.
 */
int certificates_make(const char *user, const char *folder, const char *log);

#endif
