"""The Linux calls a container is made of that Python 3.11 does not offer: namespaces, mounts, pivot_root, capabilities.

Each raises OSError with the call's name. Knows nothing of pods.
"""
import ctypes
import os

# linux/sched.h
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
# linux/mount.h
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
MNT_DETACH = 2
# linux/prctl.h
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 24, 38
SYS_PIVOT_ROOT = 155  # x86-64

# linux/capability.h, in the order of their numbers.
capabilities = """CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE
SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL
SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE""".split()

libc = ctypes.CDLL(None, use_errno=True)


def checked(name, result):
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")
    return result


def unshare(flags):
    checked("unshare", libc.unshare(flags))


def setns(path, flag):
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        checked(f"setns {path}", libc.setns(fd, flag))
    finally:
        os.close(fd)


def mount(source, target, kind=None, flags=0, data=None):
    def encoded(text):
        return None if text is None else os.fsencode(text)
    checked(f"mount {source} on {target}",
            libc.mount(encoded(source), encoded(target), encoded(kind), ctypes.c_ulong(flags), encoded(data)))


def bind(source, target, read_only=False):
    """Binds a file or a tree; read-only holds for its top mount. What the source forbids already stays forbidden."""
    mount(source, target, None, MS_BIND | MS_REC)
    if read_only:
        remount_read_only(target)


def remount_read_only(target):
    # A user namespace may not drop the flags of the mount it inherited, so they are named again.
    kept = os.statvfs(target).f_flag & (MS_NOSUID | MS_NODEV | MS_NOEXEC)
    mount(None, target, None, MS_REMOUNT | MS_BIND | MS_RDONLY | kept)


def pivot_root(new_root):
    """Makes new_root (a mount point) the root of this mount namespace and lets go of the old one."""
    os.chdir(new_root)
    # The old root is stacked on the new one and taken off again, which needs no folder for it.
    checked("pivot_root", libc.syscall(ctypes.c_long(SYS_PIVOT_ROOT), b".", b"."))
    checked("umount of the old root", libc.umount2(b".", MNT_DETACH))
    os.chdir("/")


def prctl(option, value=0):
    checked("prctl", libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0))


def limit_capabilities(kept):
    """Takes every capability not in kept from what this process can gain by its next execve."""
    for number, name in enumerate(capabilities):
        if name not in kept:
            try:
                prctl(PR_CAPBSET_DROP, number)
            except OSError:
                if number < 38:  # the later ones are newer than Linux 5.8
                    raise
