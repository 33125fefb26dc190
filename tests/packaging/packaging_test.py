#!/usr/bin/python3
"""The Debian packages: built, looked at by lintian, installed in a bare Debian, used there and purged, which leaves nothing.

Everything is compiled for them (by ccache quickly, where that knows the files), so that this is a stage of its own in
scripts/test. EZIO_PACKAGES=source builds them as a distribution would, by dpkg-buildpackage alone; unless told, of a
build directory with the same prefix. A directory in EZIO_KEEP gets the packages.
"""
import glob
import hashlib
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from lib import runner, sandbox
from lib.case import Case
from lib.proc import run

BUILD = pathlib.Path(os.environ.get("EZIO_BUILD_DIR", ROOT / "build"))
TRIPLET = "x86_64-linux-gnu"
PREFIX = ["--prefix=/usr", "--sysconfdir=/etc", f"--libdir=lib/{TRIPLET}", "--libexecdir=libexec",
          "-Dsystemd_unit_dir=/lib/systemd/system"]

# Made before the tests are cut off from the network: the directory of the packages, a tree of `meson install`, the chroot.
work = None


def command(*argv, cwd=None, **environment):
    print("#", *argv, flush=True)
    done = subprocess.run([str(word) for word in argv], cwd=cwd, env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=3600)
    if done.returncode != 0:
        raise AssertionError(f"{argv[0]} exited with {done.returncode}:\n{done.stdout[-6000:]}")
    return done.stdout


def mirror():
    """Where this machine's own packages of Debian's main come from."""
    for line in command("apt-get", "indextargets", "--format", "$(ORIGIN) $(SITE) $(CODENAME)", "Created-By: Packages").splitlines():
        words = line.split()
        if words[0] == "Debian" and words[-1] == "bookworm":
            return words[1]
    raise AssertionError("apt knows no Debian bookworm")


def build_packages():
    source = work / "ezio"
    ignored = shutil.ignore_patterns("build*", ".git", "node_modules", "__pycache__")
    shutil.copytree(ROOT, source, ignore=ignored, symlinks=True)
    built = BUILD.parent / "build-package"
    again = ["--reconfigure"] if (built / "build.ninja").exists() else []
    command("meson", "setup", *again, *PREFIX, "-Dbuildtype=release", "-Dwerror=true", "-Dtests=false", "-Dman=enabled",
            "-Dunity=on", "-Dunity_size=8", built, ROOT)
    command("ninja", "-C", built)
    command("meson", "install", "-C", built, "--no-rebuild", DESTDIR=str(work / "installed"))
    of_built = {} if os.environ.get("EZIO_PACKAGES") == "source" else {"EZIO_BUILT": str(built)}
    command("dpkg-buildpackage", "-b", "-us", "-uc", cwd=source, **of_built)
    if os.environ.get("EZIO_KEEP"):
        for package in work.glob("*.deb"):
            shutil.copy(package, os.environ["EZIO_KEEP"])


def packages():
    return [path for path in sorted(work.glob("*.deb")) if "-dbgsym" not in path.name]


def field(package, name):
    return command("dpkg-deb", "-f", package, name).strip()


def dependencies():
    """What the packages need beside each other; of alternatives the first."""
    words = set()
    for package in packages():
        for one in field(package, "Depends").split(","):
            words.add(re.split(r"[ |(:]", one.strip())[0])
    return sorted(word for word in words if word and not word.startswith("ezio"))


def prepare():
    """Builds, and makes the Debian in which the packages will be tried, with what they depend on."""
    build_packages()
    command("debootstrap", "--variant=minbase", f"--include={','.join(dependencies())}", "bookworm", work / "debian", mirror())
    for package in packages():
        shutil.copy(package, work / "debian" / "root")


def files_below(directory):
    """{path: what it is}, of everything but what dpkg writes on every run."""
    found = {}
    for top, directories, files in os.walk(directory):
        for name in directories + files:
            path = os.path.join(top, name)
            relative = os.path.relpath(path, directory)
            if re.match(r"(proc|sys|dev)/|root/.*\.deb$|var/lib/dpkg/(status|lock|diversions|statoverride|triggers)|"
                        r"var/log/|var/cache/(ldconfig|debconf)/|var/lib/dpkg/info/format|etc/ld.so.cache", relative):
                continue
            status = os.lstat(path)
            if stat.S_ISREG(status.st_mode):
                with open(path, "rb") as file:
                    what = hashlib.sha1(file.read()).hexdigest()
            else:
                what = os.readlink(path) if stat.S_ISLNK(status.st_mode) else ""
            found[relative] = (status.st_mode, status.st_uid, status.st_gid, what)
    return found


# In the Debian: a clone by the programs that were installed.
CLONE = """
set -eu
cd /tmp
trap 'kill $tracker $seeder 2>/dev/null || true' EXIT
tracker="" seeder=""
mkdir torrents
head -c 20M /dev/urandom >image
ezio-torrent create --image image --name lab --announce http://127.0.0.1:6969/announce -o torrents/lab.torrent
ezio-tracker --listen 127.0.0.1:6969 --dir torrents --expect 1 --exit-when-done >tracker.log 2>&1 & tracker=$!
ezio-peer --quiet --listen 127.0.0.1:7001 --seed torrents/lab.torrent image & seeder=$!
ezio-peer --quiet --listen 127.0.0.1:7002 --linger 0 --leech http://127.0.0.1:6969/torrents/lab.torrent target --create
cmp image target
ezio-torrent check --json torrents/lab.torrent target
wait $tracker
kill $seeder
wait $seeder || true
ezio-bench --version
ezio-netboot --version
rm -r image target torrents tracker.log
"""


class PackagingTest(Case):
    def chroot(self, *argv, **kwargs):
        return run("chroot", work / "debian", *argv, timeout_s=300, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
                   **kwargs)

    def mount(self):
        for name, source in (("proc", ("-t", "proc", "proc")), ("dev", ("--bind", "/dev"))):
            target = work / "debian" / name
            run("mount", *source, target)
            self.addCleanup(run, "umount", "-l", target)

    def test_lintian_finds_no_errors(self):
        found = run("lintian", "--allow-root", "--fail-on", "error", "--tag-display-limit", "0", *glob.glob(f"{work}/*.changes"),
                    check=False, timeout_s=600)
        print("\n".join(f"# {line}" for line in found.stdout.splitlines()))
        self.assertEqual(found.returncode, 0, found.stdout)

    def test_ninja_install_puts_the_same_files_in_place(self):
        packed = set()
        for package in packages():
            for line in run("dpkg-deb", "-c", package).stdout.splitlines():
                path = line.split(" -> ")[0].split()[-1]
                if not path.endswith("/"):
                    packed.add(path.removeprefix("./").removesuffix(".gz"))
        installed = {os.path.relpath(path, work / "installed")
                     for path in glob.glob(f"{work}/installed/**", recursive=True, include_hidden=True)
                     if os.path.islink(path) or not os.path.isdir(path)}
        self.assertEqual(installed - packed, set(), "installed by ninja, in no package")
        of_packages = re.compile(r"usr/share/doc/|usr/share/lintian/|usr/share/python3/|usr/lib/python3")
        self.assertEqual({path for path in packed - installed if not of_packages.match(path)}, set(), "in a package only")

    def test_installed_used_and_purged_they_leave_nothing_behind(self):
        self.mount()
        before = files_below(work / "debian")
        self.chroot("sh", "-c", "dpkg -i /root/*.deb")
        for package in packages():
            name = field(package, "Package")
            self.assertEqual(self.chroot("dpkg-query", "-W", "-f", "${db:Status-Status}", name).stdout, "installed")
        self.assertTrue((work / "debian" / "etc" / "ezio" / "tracker.conf").is_file())
        used = self.chroot("sh", "-c", CLONE)
        self.assertIn('"bad":0', used.stdout)
        self.assertRegex(used.stdout, r"ezio-bench \S+\nezio-netboot \S+\n")
        names = [field(package, "Package") for package in packages()]
        self.chroot("dpkg", "--purge", *names)
        after = files_below(work / "debian")
        changed = {path for path in before.keys() & after.keys() if before[path] != after[path]}
        self.assertEqual((after.keys() - before.keys(), before.keys() - after.keys(), changed), (set(), set(), set()))


def require_tools():
    for name in ("dpkg-buildpackage", "lintian", "debootstrap", "help2man"):
        if not shutil.which(name):
            raise sandbox.CannotRun(f"{name} is not installed (scripts/install-deps packaging)")


def main():
    global work
    work = pathlib.Path(tempfile.mkdtemp(prefix="ezio-packaging-", dir=sandbox.SCRATCH_PARENT))
    try:
        require_tools()
        prepare()
        runner.main(require_tools)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
