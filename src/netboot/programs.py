"""Where programs are: our own from a build tree or installed, the system's wherever root finds them."""
import os
import shutil
import subprocess

from .refusal import FAILED, Refusal

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def own(name):
    """ezio-peer and its siblings: of EZIO_BIN_DIR (a build tree), else of the path."""
    directory = os.environ.get("EZIO_BIN_DIR")
    if directory:
        path = os.path.join(directory, name)
        if os.access(path, os.X_OK):
            return path
        raise Refusal(f"{path}: not there, or not executable (EZIO_BIN_DIR={directory})")
    path = shutil.which(name) or shutil.which(name, path=SYSTEM_PATH)
    if path is None:
        raise Refusal(f"{name} is not installed; from a build tree set EZIO_BIN_DIR")
    return path


def find(name):
    """Path of a program of the system, or None."""
    return shutil.which(name, path=SYSTEM_PATH)


def need(name, package):
    path = find(name)
    if path is None:
        raise Refusal(f"{name} is missing: apt install {package}")
    return path


def output_of(*argv, input_bytes=None):
    """stdout of a program that has to succeed."""
    environment = {**os.environ, "LC_ALL": "C", "PATH": SYSTEM_PATH}
    stdin = {"stdin": subprocess.DEVNULL} if input_bytes is None else {"input": input_bytes}
    done = subprocess.run(argv, capture_output=True, env=environment, check=False, **stdin)
    if done.returncode != 0:
        raise Refusal(f"{os.path.basename(argv[0])} failed ({done.returncode}): "
                      f"{done.stderr.decode(errors='replace').strip()}", FAILED)
    return done.stdout
