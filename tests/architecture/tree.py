"""The tracked files of the repository and what they include. Knows no rule."""
import os
import re
import subprocess
import sys
from pathlib import Path

root = Path(os.environ.get("VCUDA_SOURCE") or Path(__file__).resolve().parents[2])
source_suffixes = {".cpp", ".hpp", ".h", ".c", ".cu", ".def"}


def tracked():
    """Lists what git tracks and is there, as paths from the root."""
    listed = subprocess.run(["git", "-c", f"safe.directory={root}", "-C", root, "ls-files", "-z"], capture_output=True, text=True)
    if listed.returncode != 0:
        sys.exit(f"git cannot list the files of {root}: {listed.stderr.strip()}")
    return [p for p in map(Path, filter(None, listed.stdout.split("\0"))) if (root / p).is_file()]


def sources():
    return [p for p in tracked() if p.suffix in source_suffixes]


def text(path):
    return (root / path).read_text(errors="replace")


def includes(path):
    """Yields (line number, included name) of one source file, "quoted" and <angled> alike."""
    for number, line in enumerate(text(path).splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
        if match:
            yield number, match.group(1)


def report(rule, findings):
    """Ends the test: prints each finding with what to do about it."""
    if findings:
        print(f"{rule}\n" + "\n".join(f"  {finding}" for finding in findings))
        sys.exit(1)
    print(f"holds: {rule}")
