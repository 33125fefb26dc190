"""A script whose command line begins with its own name.

A script's command line begins with the interpreter. Clonezilla ends the daemon of a run before with
pkill -f "^ezio", which looks at the whole of it.
"""
import os
import sys


def begin_with(name):
    """Starts the interpreter again under that name, once; returns where that is done."""
    with open("/proc/self/cmdline", "rb") as file:
        if file.read().split(b"\0")[0] == name.encode():
            return
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [name, "-B", os.path.realpath(sys.argv[0]), *sys.argv[1:]])
