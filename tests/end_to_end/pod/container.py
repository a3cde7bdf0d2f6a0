"""Starts one container, and commands inside a running one. The caller, alone in its process, is the pod's first process
(the kubelet module); what is started here is its child.
"""
import errno
import os
import signal
import sys
from pathlib import Path

from . import kernel, rootfs


class Failed(Exception):
    """The pod cannot go on; code is what run_pod ends with."""

    def __init__(self, text, code=125):
        super().__init__(text)
        self.code = code


class Running:
    """A started container: pid as the pod sees it, and the reading end of its output."""

    def __init__(self, spec, pid, output):
        self.spec, self.pid, self.output = spec, pid, output


def start(spec, place):
    """Starts the container's command in its own mount and (unless shared) process namespace."""
    out_read, out_write = os.pipe()
    error_read, error_write = os.pipe()
    own_processes = not place.share_processes
    if own_processes:
        kernel.unshare(kernel.CLONE_NEWPID)
    pid = os.fork()
    if pid == 0:
        in_child(error_write, lambda: become(spec, place, out_write))
    if own_processes:
        # The next unshare is allowed only once our children are our own namespace's again.
        kernel.setns("/proc/self/ns/pid", kernel.CLONE_NEWPID)
    os.close(out_write)
    os.close(error_write)
    with os.fdopen(error_read) as reader:
        error = reader.read()
    if error:
        os.waitpid(pid, 0)
        os.close(out_read)
        raise Failed(f"container {spec.name}: {error}")
    return Running(spec, pid, out_read)


def execute(running, argv, place):
    """Starts a command inside a running container, as its user with its environment; returns the pid to wait for and
    the reading end of its output."""
    out_read, out_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        in_child(out_write, lambda: join(running, argv, place, out_write))
    os.close(out_write)
    return pid, out_read


def in_child(error_fd, action):
    """Runs the action, which ends in an exec; what it raises goes to error_fd."""
    try:
        action()
    except BaseException as problem:  # the child must never return into the caller's code
        os.write(error_fd, f"{problem}".encode())
    finally:
        os._exit(128)


def become(spec, place, output):
    os.setsid()
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    kernel.unshare(kernel.CLONE_NEWNS)
    root = place.folder / "roots" / spec.name
    root.mkdir(parents=True, exist_ok=True)
    rootfs.build(root, place.image(spec.image), [path for _, path, _ in spec.mounts], place.folder / "shm")
    for volume, path, read_only in spec.mounts:
        kernel.bind(place.folder / "volumes" / volume, Path(f"{root}{path}"), read_only)
    kernel.pivot_root(root)
    if spec.read_only_root:
        kernel.remount_read_only("/")
    null = os.open("/dev/null", os.O_RDONLY)
    for source, number in ((null, 0), (output, 1), (output, 2)):
        os.dup2(source, number)
    run(spec, spec.argv, place)


def join(running, argv, place, output):
    for number in (1, 2):
        os.dup2(output, number)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    kernel.setns(f"/proc/{running.pid}/ns/pid", kernel.CLONE_NEWPID)
    kernel.setns(f"/proc/{running.pid}/ns/mnt", kernel.CLONE_NEWNS)
    pid = os.fork()  # only a child is inside the process namespace just joined
    if pid == 0:
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        in_child(2, lambda: run(running.spec, argv, place))
    os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 0xFF)


def run(spec, argv, place):
    """Gives up what the container may not have and executes the command."""
    os.chdir(spec.working_dir)
    kernel.limit_capabilities(spec.capabilities)
    change_user(spec, place)
    if spec.no_new_privileges:
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores these two
        signal.signal(number, signal.SIG_DFL)
    os.execvpe(argv[0], argv, spec.full_environment(place.hostname))


def change_user(spec, place):
    try:
        groups = [place.fs_group] if place.fs_group is not None else []
        gid = spec.gid if spec.gid is not None else 0
        if not place.single_user:
            os.setgroups(groups)
        os.setresgid(gid, gid, gid)
        if spec.uid is not None:
            os.setresuid(spec.uid, spec.uid, spec.uid)
    except OSError as problem:
        # A user namespace made without root maps one user: all containers are that one.
        if not (place.single_user and problem.errno == errno.EINVAL):
            raise
        print(f"note: user {spec.uid} is not mapped without root; running as the one user there is", file=sys.stderr)
