# SPDX-License-Identifier: BSD-2-Clause
"""Debian 12's archive, read through apt without touching the system's own apt state.

Packages of any architecture can be downloaded this way, as any user: nothing is installed, no
foreign architecture is added. apt checks the archive's signatures as always; unsigned archives
are refused. Addresses, mirrors and proxies are those of the machine's own configuration.
"""

import contextlib
import fcntl
import os
import pathlib
import re
import subprocess
import sys
import tempfile

SUITES = ("bookworm", "bookworm-updates", "bookworm-security")
APT_FOLDER = pathlib.Path("/etc/apt")


class Problem(Exception):
    """Something that could not be had; the text says what and why."""


def say(text):
    print(f"postburn: {text}", file=sys.stderr, flush=True)


def cache():
    """The cache folder, made if it is not there."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path = pathlib.Path(base) / "postburn"
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextlib.contextmanager
def locked(path):
    """Only one process at a time is inside this, for the file `path` and its folder.

    What one that was killed left of new_folder() in the folder is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another process that has locked {path}")
            fcntl.flock(file, fcntl.LOCK_EX)
        for left in path.parent.glob(".new-*"):
            subprocess.run(["rm", "-rf", left], check=True)
        yield


@contextlib.contextmanager
def new_folder(parent):
    """A fresh folder in `parent`, removed at the end if it is still there."""
    parent.mkdir(parents=True, exist_ok=True)
    path = pathlib.Path(tempfile.mkdtemp(prefix=".new-", dir=parent))
    path.chmod(0o755)
    try:
        yield path
    finally:
        subprocess.run(["rm", "-rf", path], check=True)


def point(link, target):
    """Makes `link` a symbolic link to its neighbour `target`, whatever it was, in one step."""
    if link.is_dir() and not link.is_symlink():
        subprocess.run(["rm", "-rf", link], check=True)
    with new_folder(link.parent) as folder:
        fresh = folder / "link"
        fresh.symlink_to(target.name)
        fresh.rename(link)


def one_line_entries(text):
    """The Debian 12 entries of a sources.list, in its own format."""
    for line in text.splitlines():
        match = re.fullmatch(r"\s*deb\s+(\[[^]]*\]\s+)?(\S+)\s+(\S+)\s+([^#]*)(#.*)?", line)
        if match and match[3] in SUITES and "main" in match[4].split():
            yield f"deb {without_architectures(match[1] or '')}{match[2]} {match[3]} main"


def without_architectures(options):
    """The options of a sources.list line without `arch=`, which would keep i386 out."""
    kept = [word for word in options.strip().strip("[]").split() if not word.startswith("arch")]
    return f"[{' '.join(kept)}] " if kept else ""


def stanza_entries(text):
    """The Debian 12 entries of a deb822 .sources file, as lines of a sources.list."""
    for stanza in re.split(r"\n\s*\n", re.sub(r"(?m)^#.*\n", "", text)):
        fields = {}
        for field in re.finditer(r"(?m)^(\S+):[ \t]*((?:.*)(?:\n[ \t]+.*)*)", stanza):
            fields[field[1].lower()] = field[2].split()
        if "no" in fields.get("enabled", []) or "deb" not in fields.get("types", []):
            continue
        if "main" not in fields.get("components", []):
            continue
        key = fields.get("signed-by", [])
        options = f"[signed-by={key[0]}] " if len(key) == 1 else ""
        for address in fields.get("uris", []):
            for suite in fields.get("suites", []):
                if suite in SUITES:
                    yield f"deb {options}{address} {suite} main"


def sources():
    """The machine's own Debian 12 sources, as text of a sources.list."""
    lines = []
    folder = APT_FOLDER / "sources.list.d"
    for path in [APT_FOLDER / "sources.list", *sorted(folder.glob("*.list"))]:
        if path.is_file():
            lines += one_line_entries(path.read_text(encoding="utf-8", errors="replace"))
    for path in sorted(folder.glob("*.sources")):
        lines += stanza_entries(path.read_text(encoding="utf-8", errors="replace"))
    if not lines:
        raise Problem(f"{APT_FOLDER} names no source of Debian 12 (bookworm) packages")
    return "\n".join(dict.fromkeys(lines)) + "\n"


def source_packages(lines):
    """The same sources for source packages; of the release itself only, whose archive keeps them."""
    wanted = re.findall(rf"(?m)^deb (.* {SUITES[0]} main)$", lines)
    if not wanted:
        raise Problem(f"{APT_FOLDER} names no source of {SUITES[0]}, the release itself")
    return "".join(f"deb-src {line}\n" for line in wanted)


class Archive:
    """Debian 12's archive for one architecture, or its source packages: architecture `source`."""

    def __init__(self, architecture):
        self.folder = cache() / "apt" / architecture
        for name in ("lists/partial", "cache/archives/partial"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        lines = source_packages(sources()) if architecture == "source" else sources()
        (self.folder / "sources.list").write_text(lines, encoding="utf-8")
        if architecture == "source":
            architecture = subprocess.run(["dpkg", "--print-architecture"], check=True, text=True,
                                          capture_output=True).stdout.strip()
        # Only what Debian itself released, should a source of the same suite names be another's.
        (self.folder / "preferences").write_text(
            "Package: *\nPin: release o=Debian\nPin-Priority: 500\n\n"
            "Package: *\nPin: release a=*\nPin-Priority: -1\n", encoding="ascii")
        settings = {
            "APT::Architecture": architecture,
            "APT::Architectures": architecture,
            "APT::Get::AllowUnauthenticated": "false",
            "APT::Sandbox::User": "root",  # apt's own user cannot enter a cache of root's
            "Acquire::AllowInsecureRepositories": "false",
            "Acquire::Languages": "none",
            "Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled": "false",
            "Acquire::Retries": "2",
            "Acquire::http::Timeout": "20",
            "Acquire::https::Timeout": "20",
            "Dir::State": self.folder,
            "Dir::State::Lists": self.folder / "lists",
            "Dir::State::Status": "/dev/null",
            "Dir::Cache": self.folder / "cache",
            "Dir::Etc::SourceList": self.folder / "sources.list",
            "Dir::Etc::SourceParts": "/dev/null",
            "Dir::Etc::Preferences": self.folder / "preferences",
            "Dir::Etc::PreferencesParts": "/dev/null",
        }
        self.options = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]

    def run(self, command, *arguments, **keywords):
        environment = {**os.environ, "LC_ALL": "C"}
        return subprocess.run([command, *self.options, *arguments], env=environment, text=True,
                              stdin=subprocess.DEVNULL, check=False, **keywords)

    def update(self):
        """Fetches the package lists. Some may fail: what the others have is used."""
        done = self.run("apt-get", "-q", "update", stdout=subprocess.DEVNULL,
                        stderr=subprocess.PIPE)
        failed = sorted(set(re.findall(r"(?m)^[EW]: Failed to fetch (.*)$", done.stderr)))
        if failed:
            more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
            say(f"package list not fetched: {failed[0]}{more}")
        if done.returncode != 0 and not failed:
            say(done.stderr.strip())
        return done.returncode == 0

    def candidate(self, package):
        """Control fields of the newest version of `package`."""
        done = self.run("apt-cache", "show", "--no-all-versions", package, capture_output=True)
        fields = dict(re.findall(r"(?m)^(\S+): (.*)$", done.stdout))
        if done.returncode != 0 or "Version" not in fields:
            raise Problem(f"Debian's package lists have no {package}")
        return fields

    def download(self, package, version, folder):
        """Downloads package into `folder`, checked against the signed lists; returns its path."""
        progress = sys.stderr.isatty()
        say(f"fetching {package} {version}")
        done = self.run("apt-get", "-q" if progress else "-qq", "download", f"{package}={version}",
                        cwd=folder, stdout=sys.stderr if progress else subprocess.DEVNULL,
                        stderr=None if progress else subprocess.PIPE)
        files = list(folder.glob("*.deb"))
        if done.returncode != 0 or len(files) != 1:
            raise Problem(f"{package} {version} could not be downloaded: "
                          f"{(done.stderr or '').strip()}")
        return files[0]

    def download_source(self, package, folder):
        """Downloads the source package into `folder`; returns the path of its .dsc file."""
        say(f"fetching the source of {package}")
        done = self.run("apt-get", "-qq", "source", "--download-only", package, cwd=folder,
                        capture_output=True)
        files = list(folder.glob("*.dsc"))
        if done.returncode != 0 or len(files) != 1:
            raise Problem(f"the source of {package} could not be downloaded: {done.stderr.strip()}")
        return files[0]


def unpack(package_file, folder):
    """Unpacks a .deb's files into `folder`, whoever we are."""
    done = subprocess.run(["dpkg-deb", "--extract", package_file, folder], check=False,
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise Problem(f"{package_file.name} could not be unpacked: {done.stderr.strip()}")
