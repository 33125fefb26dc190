"""What an administrator finds beside the programs: --help, --version, manual pages, completion, units.

The pages are made in the build directory (EZIO_BUILD_DIR); all of them agree with what --help says."""
import fnmatch
import os
import pathlib
import re
import shlex

from lib import runner, sandbox
from lib.case import Case
from lib.ezio import program
from lib.proc import run, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("EZIO_BUILD_DIR", ROOT / "build"))
VERSION = re.search(r"version: '([^']+)'", (ROOT / "meson.build").read_text())[1]
COMPILED = ("ezio-bench", "ezio-peer", "ezio-torrent", "ezio-tracker")
PROGRAMS = (*COMPILED, "ezio-netboot")
NETBOOT = ROOT / "src" / "netboot"  # runs where it lies


def path_of(name):
    return str(NETBOOT / name) if name == "ezio-netboot" else program(name)


def require_pages():
    for path in (BUILD / "man" / "ezio-peer.1", BUILD / "units" / "ezio-tracker.service"):
        if not path.exists():
            raise sandbox.CannotRun(f"{path} is not built (help2man?)")


def help_of(*command):
    return run(path_of(command[0]), *command[1:], "--help").stdout


def commands_of(text):
    """The names below "Subcommands:"."""
    _, _, tail = text.partition("\nSubcommands:\n")
    return re.findall(r"^ {2,4}([a-z]+) ", tail.partition("\n\n")[0], re.MULTILINE)


def every_command():
    for name in PROGRAMS:
        yield (name,)
        for command in commands_of(help_of(name)):
            yield (name, command)


def flags_of(text):
    """The options of --help, or of a rendered page: at the start of a line, "-o,--output FILE" or "-o DIR, --output DIR"."""
    flags = set()
    for words in re.findall(r"^ +(-[^ ]+(?: \S+, --\S+| --\S+)?)", text, re.MULTILINE):
        flags.update(re.findall(r"(?:^|,| )(--?[a-z][a-z-]*)", words))
    return flags


def examples_of(text):
    return re.findall(r"^  (ezio-.+)", text.partition("\nExamples:\n")[2], re.MULTILINE)


def rendered(page):
    shown = run("man", "-l", "--warnings", "-E", "UTF-8", page, env={**os.environ, "MANWIDTH": "100", "LC_ALL": "C.UTF-8"})
    return shown.stdout, shown.stderr


class HelpTest(Case):
    def test_every_program_says_its_version(self):
        for name in COMPILED:
            self.assertEqual(run(program(name), "--version").stdout, f"{name} {VERSION}\n")

    def test_help_ends_with_examples_of_options_that_exist(self):
        for command in every_command():
            text = help_of(*command)
            self.assertTrue(examples_of(text), f"{command}: no examples")
            for example in examples_of(text):
                with self.subTest(example):
                    words = shlex.split(example)
                    self.assertEqual(tuple(words[:len(command)]), command)
                    of = tuple(words[:2]) if words[1] in commands_of(help_of(words[0])) else (words[0],)
                    used = {word for word in words if word.startswith("-")}
                    self.assertLessEqual(used, flags_of(help_of(*of)))


class ManualTest(Case):
    def test_every_command_has_a_page_with_its_options_and_no_others(self):
        for command in every_command():
            with self.subTest(command):
                page, complaints = rendered(BUILD / "man" / ("-".join(command) + ".1"))
                self.assertEqual(complaints, "")
                for section in ("NAME", "SYNOPSIS", "OPTIONS", "EXAMPLES", "EXIT STATUS", "SEE ALSO"):
                    self.assertRegex(page, rf"(?m)^{section}$")
                options = page.partition("\nSYNOPSIS\n")[2].partition("\nEXAMPLES\n")[0]
                self.assertEqual(flags_of(options), flags_of(help_of(*command)))

    def test_pages_name_only_pages_that_exist(self):
        pages = list((BUILD / "man").glob("*.1"))
        names = {page.stem for page in pages}
        for page in pages:
            named = set(re.findall(r"\b(ezio[a-z-]*) ?\(1\)", page.read_text().replace("\\-", "-")))
            self.assertLessEqual(named, names, page.name)


# Completes the last word as readline would have it done, and prints the candidates.
COMPLETE = r"""
source /usr/share/bash-completion/bash_completion
source "$COMPLETION"
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE} COMP_TYPE=9
function=$(complete -p "$1" | sed 's/.*-F \([^ ]*\).*/\1/')
"$function" "$1" "${!#}" "${@: -2:1}"
printf '%s\n' "${COMPREPLY[@]}"
"""


class CompletionTest(Case):
    def complete(self, *words, directory=None):
        path = f"{os.path.dirname(program('ezio-peer'))}:{NETBOOT}:{os.environ['PATH']}"
        shown = run("bash", "--norc", "-c", COMPLETE, "bash", *words, cwd=directory or self.scratch.dir("empty"),
                    env={**os.environ, "PATH": path, "COMPLETION": str(ROOT / "completion" / "ezio")})
        self.assertEqual(shown.stderr, "")
        return set(shown.stdout.split())

    def test_commands(self):
        self.assertEqual(self.complete("ezio-torrent", ""), set(commands_of(help_of("ezio-torrent"))))
        self.assertEqual(self.complete("ezio-torrent", "cre"), {"create"})

    def test_every_option_of_every_command(self):
        for command in every_command():
            with self.subTest(command):
                self.assertEqual(self.complete(*command, "-"), flags_of(help_of(*command)))

    def test_values(self):
        self.assertEqual(self.complete("ezio-peer", "--reuse", ""), {"auto", "all", "off"})
        directory = self.temp_file("files")
        os.makedirs(os.path.join(directory, "torrents"))
        pathlib.Path(directory, "lab.torrent").touch()
        self.assertEqual(self.complete("ezio-tracker", "--dir", "", directory=directory), {"torrents"})
        self.assertEqual(self.complete("ezio-peer", "--seed", "l", directory=directory), {"lab.torrent"})
        self.assertEqual(self.complete("ezio-torrent", "check", "l", directory=directory), {"lab.torrent"})


class UnitTest(Case):
    """The services as systemd reads them. (Their programs are not installed where it looks for them: a copy names ours.)"""

    def unit(self, name, instance=None):
        text = (BUILD / "units" / name).read_text()
        text = re.sub(r"^ExecStart=\S*/(ezio-\w+)", lambda m: f"ExecStart={os.path.abspath(program(m[1]))}", text, flags=re.M)
        directory = pathlib.Path(self.scratch.dir("units"))
        path = directory / (instance or name)
        path.write_text(text)
        return path

    def units(self):
        yield self.unit("ezio-tracker.service")
        yield self.unit("ezio-seeder@.service", "ezio-seeder@lab.service")

    def test_systemd_understands_them(self):
        for unit in self.units():
            checked = run("systemd-analyze", "verify", "--man=no", unit)
            self.assertEqual(checked.stdout + checked.stderr, "")

    def test_they_are_sandboxed(self):
        for unit in self.units():
            exposure = run("systemd-analyze", "security", "--offline=true", "--threshold=25", unit, check=False)
            self.assertEqual(exposure.returncode, 0, exposure.stdout[-300:])

    def test_their_configurations_are_understood(self):
        """As installed, with the directories that they name made up."""
        directory = self.scratch.dir("conf")
        tracker = pathlib.Path(ROOT / "units" / "tracker.conf").read_text()
        tracker = tracker.replace("/srv/torrents", directory).replace("/var/lib/ezio-tracker", directory)
        path = pathlib.Path(directory, "tracker.conf")
        path.write_text(re.sub("0.0.0.0:6969", "127.0.0.1:0", tracker))
        process = self.spawn("tracker", [program("ezio-tracker"), "--config", path])
        wait_until(lambda: "listening on" in process.stdout(), 20, process.describe)
        process.stop()
        refused = run(program("ezio-peer"), "--config", ROOT / "units" / "seeder.conf", check=False)
        self.assertEqual(refused.returncode, 3, refused.stderr)
        self.assertIn("/srv/torrents/lab.torrent", refused.stderr)


class InstallTest(Case):
    def test_debian_knows_each_file_that_is_installed(self):
        """As DIR is to /usr, prefix is to the package; whether dpkg agrees is for tests/packaging to say."""
        patterns = {}
        for package in (ROOT / "debian").glob("*.install"):
            for line in package.read_text().split():
                patterns[line] = package.stem
        directory = pathlib.Path(self.scratch.dir("installed"))
        run("meson", "install", "-C", BUILD, "--no-rebuild", env={**os.environ, "DESTDIR": str(directory)})
        found = [path.relative_to(directory) for path in directory.rglob("*") if path.is_symlink() or not path.is_dir()]
        self.assertGreater(len(found), 20)
        for path in found:
            name = re.sub("^usr/local/(etc/)?", lambda m: m[1] or "usr/", str(path)).replace("usr/lib/systemd", "lib/systemd")
            packages = {package for pattern, package in patterns.items()
                        if any(fnmatch.fnmatchcase(str(part), pattern.replace("usr/lib/systemd", "lib/systemd"))
                               for part in (pathlib.PurePath(name), *pathlib.PurePath(name).parents))}
            self.assertEqual(len(packages), 1, f"{name}: {packages}")


if __name__ == "__main__":
    runner.main(require_pages)
