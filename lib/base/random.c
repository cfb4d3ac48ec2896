/*
 * Randomness from the system.
 * SPDX-License-Identifier: MIT
 */
#include <fcntl.h>
#include <unistd.h>
#include <base/random.h>

bool random_bytes(void *out, size_t size)
{
    int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, out, size);
    if (fd >= 0)
        close(fd);
    return got == (ssize_t)size;
}
