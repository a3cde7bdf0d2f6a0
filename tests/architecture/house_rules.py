#!/usr/bin/python3
"""Rules of the house over every tracked file: names that say something, no left-overs, no artefacts, no private paths,
files a reader can hold. Files over 400 lines are listed, over 600 they fail; data is excepted.
"""
import re

import tree

empty_names = re.compile(r"^_?(utils?|helpers?|common|manager|misc|stuff)(\.|$)|_(utils?|helpers?|manager)(\.|$)", re.I)
left_over = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")
# Where somebody's home folder shows through.
private = re.compile(r"(?<![\w.~-])(/root/|/home/[a-z][\w-]*/)")
artefact_suffixes = {".o", ".a", ".so", ".pyc", ".whl", ".fatbin", ".cubin", ".exe", ".zip", ".gz"}
data_suffixes = {".def", ".json", ".yaml", ".yml", ".txt", ".ptx", ".tpl", ".md", ""}
look_twice, too_long = 400, 600

findings, long_files = [], []
for path in tree.tracked():
    content = (tree.root / path).read_bytes()
    for part in path.parts:
        if part != "_helpers.tpl" and empty_names.search(part):  # Helm's own name for it
            findings.append(f"{path}: the name '{part}' says nothing: name the one noun it holds")
    if path.suffix in artefact_suffixes or content[:4] == b"\x7fELF" or content[:8] == b"!<arch>\n" or path.parts[0] == "build":
        findings.append(f"{path}: a build product in git")
        continue
    if b"\0" in content:
        continue
    lines = content.decode(errors="replace").splitlines()
    for number, line in enumerate(lines, 1):
        if path.name != "LICENSE" and left_over.search(line):
            findings.append(f"{path}:{number}: a left-over: do it or file it")
        if private.search(line) and path.parts[:2] != ("tests", "architecture"):
            findings.append(f"{path}:{number}: names a path of one machine: {private.search(line).group(0)}")
    scripted = content.startswith(b"#!")
    if len(lines) > look_twice and (path.suffix not in data_suffixes or scripted):
        long_files.append((len(lines), path))
for count, path in sorted(long_files, reverse=True):
    print(f"look twice: {count} lines: {path}")
    if count > too_long:
        findings.append(f"{path}: {count} lines: more than one noun, surely")
tree.report("names say something, nothing is left over, no artefacts, no private paths, no file too long", findings)
