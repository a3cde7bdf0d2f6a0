"""Reads shared libraries with binutils: what they need, export and run when loaded. Knows no rule."""
import re
import subprocess
import sys


def run(*command):
    result = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: {result.stderr.strip()}")
    return result.stdout


class Library:
    def __init__(self, path):
        self.path = path
        dynamic = run("readelf", "-Wd", path)
        self.needed = re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)
        self.soname = (re.findall(r"\(SONAME\).*\[(.*)\]", dynamic) or [None])[0]
        sizes = dict(re.findall(r"\((INIT_ARRAYSZ|PREINIT_ARRAYSZ)\)\s+(\d+)", dynamic))
        self.constructors = int(sizes.get("INIT_ARRAYSZ", 0)) // 8 + int(sizes.get("PREINIT_ARRAYSZ", 0)) // 8
        self.exports, self.undefined, self.versions = set(), set(), set()
        for line in run("readelf", "-W", "--dyn-syms", path).splitlines():
            fields = line.split()
            if len(fields) < 8 or not fields[0].rstrip(":").isdigit():
                continue
            bind, section, name = fields[4], fields[6], re.sub(r"@.*", "", fields[7])
            if section == "UND":
                self.undefined.add(name)
            elif bind in ("GLOBAL", "WEAK") and section != "ABS":
                self.exports.add(name)
        self.versions = set(re.findall(r"Name: (GLIBC_[\w.]+)", run("readelf", "-WV", path)))

    def symbols(self):
        """Every name in the full symbol table, local ones included (empty when stripped)."""
        return {fields[7].split("@")[0] for fields in map(str.split, run("readelf", "-Ws", self.path).splitlines()) if len(fields) >= 8}

    def constructor_names(self):
        """Names what .init_array points to, an address where the symbol table does not say."""
        where = re.search(r"\.init_array\s+\S+\s+([0-9a-f]+)\s+\S+\s+([0-9a-f]+)", run("readelf", "-WS", self.path))
        if not where:
            return []
        start, size = int(where.group(1), 16), int(where.group(2), 16)
        functions = {int(f[1], 16): f[7] for f in map(str.split, run("readelf", "-Ws", self.path).splitlines())
                     if len(f) >= 8 and f[3] == "FUNC"}
        names = []
        for line in run("readelf", "-Wr", self.path).splitlines():
            fields = line.split()
            if len(fields) >= 4 and re.fullmatch(r"[0-9a-f]+", fields[0]) and start <= int(fields[0], 16) < start + size:
                value = fields[-1]
                names.append(functions.get(int(value, 16), value) if re.fullmatch(r"[0-9a-f]+", value) else value)
        return names
