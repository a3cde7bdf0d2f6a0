"""Builds a container's root file system inside the mount namespace of the caller: the host's system folders read-only,
the image's folder laid over them, real folders wherever a volume is mounted. Nothing of the host is written.
"""
import os
import stat
from pathlib import Path

from . import kernel

# What stands in for the base layers of an image. The rest of the host is not visible inside.
system_folders = ("bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr", "etc")
empty_folders = {"root": 0o700, "tmp": 0o1777, "run": 0o755, "home": 0o755, "mnt": 0o755, "opt": 0o755, "srv": 0o755,
                 "var": 0o755, "var/tmp": 0o1777, "proc": 0o555, "sys": 0o555, "dev": 0o755}
devices = ("null", "zero", "full", "random", "urandom", "tty")


def build(root, image, mount_points, shm):
    """Builds the root at `root`, an empty folder: image is the image's folder or None, mount_points absolute paths."""
    kernel.mount("container", root, "tmpfs", kernel.MS_NODEV, "mode=0755,size=64m")
    wanted = {tuple(Path(p).parts[1:]) for p in mount_points}
    tops = set(os.listdir(image)) if image else set()
    for top in sorted(tops | set(system_folders) | {parts[0] for parts in wanted}):
        hosts = Path("/", top)
        sources = ([Path(image, top)] if image else []) + ([hosts] if top in system_folders else [])
        place(Path(root, top), [s for s in sources if os.path.lexists(s)], (top,), wanted)
    for folder, mode in empty_folders.items():
        os.makedirs(Path(root, folder), exist_ok=True)
        if folder not in tops:
            os.chmod(Path(root, folder), mode)
    add_devices(Path(root, "dev"), shm)
    kernel.bind("/sys", Path(root, "sys"), read_only=True)
    kernel.mount("proc", Path(root, "proc"), "proc", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)


def place(target, sources, parts, wanted):
    """Puts at `target` what the sources have there, the first before the second; a folder that two of them have, or
    in which a volume will stand, becomes a real one and is filled entry by entry."""
    below = any(len(w) >= len(parts) and w[:len(parts)] == parts for w in wanted)
    folders = [s for s in sources if s.is_dir()]
    if below and (folders or not sources) or len(folders) > 1 and len(folders) == len(sources):
        target.mkdir()
        names = {name for s in folders for name in os.listdir(s)} | {w[len(parts)] for w in wanted
                                                                    if w[:len(parts)] == parts and len(w) > len(parts)}
        for name in sorted(names):
            inner = [s / name for s in folders if os.path.lexists(s / name)]
            # Debian's /lib is a symlink to usr/lib: where /lib has to be a folder, its entries lead there instead.
            if len(inner) == 1 and inner[0].parent.is_symlink() and not any(w[:len(parts) + 1] == parts + (name,) for w in wanted):
                (target / name).symlink_to(inner[0].parent.resolve() / name)
            else:
                place(target / name, inner, parts + (name,), wanted)
    elif sources:
        show(target, sources[0])


def show(target, source):
    mode = source.lstat().st_mode
    if stat.S_ISLNK(mode):
        target.symlink_to(os.readlink(source))
    elif stat.S_ISDIR(mode):
        target.mkdir()
        kernel.bind(source, target, read_only=True)
    else:
        target.touch()
        kernel.bind(source, target, read_only=True)


def add_devices(dev, shm):
    for name in devices:
        (dev / name).touch()
        kernel.bind(f"/dev/{name}", dev / name)
    (dev / "shm").mkdir()
    kernel.bind(shm, dev / "shm")
    (dev / "pts").mkdir()
    kernel.mount("devpts", dev / "pts", "devpts", kernel.MS_NOSUID | kernel.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620")
    (dev / "ptmx").symlink_to("pts/ptmx")
    for name, leads_to in (("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        (dev / name).symlink_to(f"/proc/self/{leads_to}")
