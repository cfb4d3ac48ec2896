# Whether weir-collect shows progress on a terminal, and nothing of the kind where there is none.
#
#     python3 collect-terminal.py WEIR-COLLECT DATABASE
#
# Two runs wait for their input; once the one on a terminal has shown progress, the other, which began earlier, would have, too.
# SPDX-License-Identifier: MIT
import os
import pty
import subprocess
import sys

HEADER = b"exchange,symbol,seq,ts,price,amount\n"
ROW = b"x,BTCUSDT,1,2026-01-01T00:00:00Z,1,1\n"


def start(program, database, stderr):
    arguments = [program, "--url", "sqlite:" + database, "--input", "-", "enhanced-crypto-prices"]
    return subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr)


def read_until(fd, text):
    """What the terminal shows up to that text, or to its end."""
    seen = b""
    while text not in seen:
        try:
            piece = os.read(fd, 4096)
        except OSError:  # the other side has closed it
            return seen
        if not piece:
            return seen
        seen += piece
    return seen


def main(program, database):
    piped = start(program, database, subprocess.PIPE)
    master, slave = pty.openpty()
    shown = start(program, database + "2", slave)
    os.close(slave)
    seen = read_until(master, b"rows read")
    table, said = piped.communicate(HEADER + ROW, timeout=120)
    other_table, _ = shown.communicate(HEADER + ROW, timeout=120)
    seen += read_until(master, b"\0")
    assert piped.returncode == 0 and shown.returncode == 0, "both end clean"
    assert b"rows read" in seen and b"stored in" in seen, "a terminal sees progress: %r" % seen
    assert seen.endswith(b"\r\x1b[K"), "and it is gone in the end: %r" % seen
    assert said == b"", "no terminal, no progress: %r" % said
    for text in (table, other_table):
        assert b"enhanced-crypto-prices" in text and b"\x1b" not in text, "the table is on standard output: %r" % text


main(*sys.argv[1:])
