/*
 * After fork.
 *
 * SQLite keeps a table of the files that its process has open, found by device and inode, with the locks that it holds on each.  A
 * child inherits the table, but not the locks: it would believe itself to hold what it does not, and its data could be lost when the
 * parent, seeing nobody else, deletes the write-ahead log.  Or it would wait for ever for a lock that a connection of the parent's
 * holds in its copy of the table.  So in a child files get other inode numbers, as far as SQLite is told, and are found anew.  The
 * inherited entries stay, and so do the descriptors in them: closing one would drop the child's own locks on that file.
 * SPDX-License-Identifier: MIT
 */
#define _FILE_OFFSET_BITS 64 /* the struct stat that SQLite was compiled with */
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lite.h"

static atomic_long owner; /* the process that has opened something; 0: none has, negative: it is being set apart */
static int set_apart;     /* SQLite's code; written while owner is negative, as is what follows */
static ino_t salt;
static int (*real_fstat)(int, struct stat *);
static int (*real_stat)(const char *, struct stat *);

static int salted_fstat(int fd, struct stat *st)
{
    const int rc = real_fstat(fd, st);
    if (rc == 0)
        st->st_ino ^= salt;
    return rc;
}

static int salted_stat(const char *path, struct stat *st)
{
    const int rc = real_stat(path, st);
    if (rc == 0)
        st->st_ino ^= salt;
    return rc;
}

/* The salt is another for each process, so that neither the parent's files nor a grandparent's are met; its bits are spread, so that
   one file is not taken for another. */
static int set_child_apart(long self)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    salt = (ino_t)((uint64_t)self * UINT64_C(0x9e3779b97f4a7c15));
    if (real_fstat)
        return SQLITE_OK; /* in a child of a child these calls are in their places already */
    if (!vfs || vfs->iVersion < 3 || !vfs->xGetSystemCall(vfs, "fstat") || !vfs->xGetSystemCall(vfs, "stat"))
        return SQLITE_NOTFOUND;
    real_fstat = (int (*)(int, struct stat *))vfs->xGetSystemCall(vfs, "fstat");
    real_stat = (int (*)(const char *, struct stat *))vfs->xGetSystemCall(vfs, "stat");
    const int rc = vfs->xSetSystemCall(vfs, "fstat", (sqlite3_syscall_ptr)salted_fstat);
    return rc == SQLITE_OK ? vfs->xSetSystemCall(vfs, "stat", (sqlite3_syscall_ptr)salted_stat) : rc;
}

int lite_mind_fork(void)
{
    const long self = getpid();
    for (long was = atomic_load(&owner); was != self;) {
        if (was == -self) {
            sched_yield(); /* another thread is at it */
            was = atomic_load(&owner);
        } else if (atomic_compare_exchange_weak(&owner, &was, -self)) {
            set_apart = was ? set_child_apart(self) : SQLITE_OK;
            atomic_store(&owner, self);
            was = self;
        }
    }
    return set_apart;
}
