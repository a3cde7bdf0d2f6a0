"""Runs a pod in the order the kubelet does: init containers one by one, native sidecars until their startup probe says
yes, then the main containers. When the app ends the others are asked to end; the result is the app's exit code.

Process 1 of the pod's own process namespace: when it ends, the kernel ends everything left.
"""
import os
import select
import shlex
import signal
import time
from pathlib import Path

from . import container, kernel

restart_delay_s = 1.0  # the kubelet's first restart comes at once, the next after 10 s; one middle way is enough here


class Place:
    """Where the pod runs: its folder, its images, what its containers share."""

    def __init__(self, pod, folder, images, single_user):
        self.folder, self.images, self.single_user = Path(folder), images, single_user
        self.share_processes, self.fs_group, self.hostname = pod.share_processes, pod.fs_group, pod.name[:63]

    def image(self, name):
        if name not in self.images:
            raise container.Failed(f"no folder for image {name}: give --image {name}=FOLDER")
        return self.images[name]

    def prepare(self, pod):
        """Enters the pod's own mount namespace and makes its volumes."""
        kernel.unshare(kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS)
        kernel.mount(None, "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
        kernel.mount("proc", "/proc", "proc", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)
        kernel.mount("pod", self.folder, "tmpfs", kernel.MS_NODEV, "mode=0755")
        self._folder("shm", "mode=1777,size=64m")
        for volume in pod.volumes.values():
            size = f",size={volume.limit_bytes}" if volume.limit_bytes else ""
            path = self._folder(f"volumes/{volume.name}", f"mode=0777{size}")
            if pod.fs_group is not None:
                os.chown(path, -1, pod.fs_group)
                os.chmod(path, 0o2777)
        kernel.checked("sethostname", kernel.libc.sethostname(self.hostname.encode(), len(self.hostname)))

    def _folder(self, name, options):
        path = self.folder / name
        path.mkdir(parents=True)
        kernel.mount("volume", path, "tmpfs", kernel.MS_NODEV, options)
        return path


class Kubelet:
    def __init__(self, pod, place, say, logs, deadline_s, grace_s, kills):
        self.pod, self.place, self.say, self.logs = pod, place, say, logs
        self.deadline = time.monotonic() + deadline_s
        self.grace_s = min(grace_s, pod.grace_s)
        self.running, self.ended, self.executed, self.outputs = {}, {}, {}, {}
        self.stopping, self.restarts, self.kills, self.said = False, [], dict(kills), None
        self.waker, waker_write = os.pipe()
        os.set_blocking(waker_write, False)
        signal.set_wakeup_fd(waker_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def run(self, app):
        for spec in self.pod.init:
            self.start(spec)
            if spec.kind == "sidecar":
                self.await_startup(spec)
                continue
            code = self.await_end(spec)
            if code != 0:
                raise container.Failed(f"init container {spec.name} ended with {code}")
        for spec in self.pod.main:
            self.start(spec)
        code = self.await_end(app)
        self.say(f"{app.name} ended with {code}; ending the rest of the pod")
        self.stopping = True
        self.stop([s for s in self.pod.main if s is not app])
        for spec in reversed([s for s in self.pod.init if s.kind == "sidecar"]):
            self.stop([spec])
        return code

    def start(self, spec):
        self.say(f"{spec.kind} container {spec.name}, image {spec.image}: {shlex.join(spec.argv)}")
        for name, value in spec.env:
            self.say(f"    {name}={value}")
        for volume, path, read_only in spec.mounts:
            self.say(f"    {volume} at {path}{' (read-only)' if read_only else ''}")
        running = container.start(spec, self.place)
        self.running[spec.name] = running
        self.outputs[running.output] = (spec.name, b"", self.on_line)
        if spec.post_start and self.execute(spec, spec.post_start, self.grace_s) != 0:
            raise container.Failed(f"container {spec.name}: its postStart command failed")

    def execute(self, spec, argv, timeout_s):
        """Runs a command in a running container; returns its exit code, 124 when it took too long."""
        if spec.name not in self.running:
            return 125
        pid, output = container.execute(self.running[spec.name], argv, self.place)
        self.executed[pid] = None
        self.outputs[output] = (f"{spec.name}, {argv[0]}", b"", self.say_once)
        if not self.pump(lambda: self.executed[pid] is not None, timeout_s):
            os.kill(pid, signal.SIGKILL)
            self.pump(lambda: self.executed[pid] is not None, timeout_s)
            self.executed[pid] = 124
        return self.executed.pop(pid)

    def await_startup(self, spec):
        probe = spec.startup_probe
        if not probe:
            return
        self.pump(lambda: False, probe.get("initialDelaySeconds", 0))
        for _ in range(probe.get("failureThreshold", 3)):
            if self.execute(spec, probe["exec"]["command"], probe.get("timeoutSeconds", 1)) == 0:
                self.say(f"{spec.name} is started, says {shlex.join(probe['exec']['command'])}")
                return
            self.pump(lambda: False, probe.get("periodSeconds", 10))
        raise container.Failed(f"container {spec.name}: its startup probe never succeeded")

    def await_end(self, spec):
        if not self.pump(lambda: spec.name in self.ended, self.deadline - time.monotonic()):
            raise container.Failed(f"container {spec.name} still runs at the deadline", code=124)
        return self.ended[spec.name]

    def stop(self, specs):
        live = [s for s in specs if s.name in self.running]
        for number, grace_s in ((signal.SIGTERM, self.grace_s), (signal.SIGKILL, 5)):
            live = [s for s in live if s.name in self.running]
            for spec in live:
                if number == signal.SIGKILL:
                    self.say(f"{spec.name} did not end within {self.grace_s} s of SIGTERM: killed")
                os.kill(self.running[spec.name].pid, number)
            self.pump(lambda: all(s.name not in self.running for s in live), grace_s)
        for spec in specs:
            if spec.name in self.ended:
                self.say(f"{spec.name} ended with {self.ended[spec.name]}")

    def pump(self, done, timeout_s):
        """Passes output on and reaps children until done() or the time is over; returns whether it is done."""
        until = min(time.monotonic() + timeout_s, self.deadline)
        while True:
            self.reap()
            self.restart()
            if done():
                return True
            left = until - time.monotonic()
            if left <= 0:
                return False
            ready, _, _ = select.select([self.waker, *self.outputs], [], [], min(left, 0.2))
            for fd in ready:
                self.drain(fd)

    def drain(self, fd):
        data = os.read(fd, 65536)
        if fd == self.waker:
            return
        name, held, on_line = self.outputs[fd]
        self.logs(name, data)
        *lines, rest = (held + data).split(b"\n")
        for line in lines + ([rest] if rest and not data else []):
            on_line(line.decode(errors="replace"), name)
        self.outputs[fd] = (name, rest, on_line)
        if not data:
            del self.outputs[fd]
            os.close(fd)

    def on_line(self, line, name):
        self.say(line, name)
        self.kill_at(line)

    def say_once(self, line, name):
        """A probe that is asked every second has nothing new to say most of the time."""
        if line != self.said:
            self.say(line, name)
        self.said = line

    def kill_at(self, line):
        """Kills the containers that --kill names for this line of output, as a node short of memory would."""
        for name in [n for n, text in self.kills.items() if text in line and n in self.running]:
            self.say(f"killing {name}: the output says '{self.kills.pop(name)}'")
            os.kill(self.running[name].pid, signal.SIGKILL)

    def restart(self):
        due = [spec for at, spec in self.restarts if at <= time.monotonic()]
        self.restarts = [(at, spec) for at, spec in self.restarts if spec not in due]
        for spec in due if not self.stopping else []:
            self.start(spec)

    def reap(self):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            code = os.waitstatus_to_exitcode(status)
            code = code if code >= 0 else 128 - code
            if pid in self.executed:
                self.executed[pid] = code
            for running in [r for r in self.running.values() if r.pid == pid]:
                self.on_end(running, code)

    def on_end(self, running, code):
        spec = running.spec
        while running.output in self.outputs and select.select([running.output], [], [], 0)[0]:
            self.drain(running.output)
        del self.running[spec.name]
        if spec.kind == "sidecar" and not self.stopping:
            self.say(f"{spec.name} ended with {code}; starting it again, as its restartPolicy says")
            self.restarts.append((time.monotonic() + restart_delay_s, spec))
        else:
            self.ended[spec.name] = code
