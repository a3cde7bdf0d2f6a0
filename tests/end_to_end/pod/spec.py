"""Reads a Pod as the kubelet does: what to run, with which environment, user and mounts. Touches nothing outside itself.

What this runner cannot do raises Unsupported, by name: it is never left out silently.
"""
import re

default_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What containerd grants a container that names none.
default_capabilities = {"CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP",
                        "SETPCAP", "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE"}


class Unsupported(Exception):
    pass


def expand(text, variables):
    """Replaces $(NAME) as Kubernetes does: an unknown name stays as it is, $$ is one dollar."""
    def one(match):
        token = match.group(0)
        if token == "$$":
            return "$"
        return variables.get(token[2:-1], token)
    return re.sub(r"\$\$|\$\([^)]*\)", one, text)


def quantity_bytes(text):
    """Reads a Kubernetes quantity such as 200Mi."""
    match = re.fullmatch(r"(\d+)([KMGT]i?|k)?", str(text))
    if not match:
        raise Unsupported(f"quantity {text!r}")
    unit = match.group(2) or ""
    step = 1024 if unit.endswith("i") else 1000
    return int(match.group(1)) * step ** ("KMGT".index(unit[0].upper()) + 1 if unit else 0)


class Volume:
    def __init__(self, raw):
        kinds = sorted(set(raw) - {"name"})
        if kinds not in ([], ["emptyDir"]):
            raise Unsupported(f"volume {raw['name']} is {', '.join(kinds)}: this runner has emptyDir alone")
        self.name = raw["name"]
        limit = (raw.get("emptyDir") or {}).get("sizeLimit")
        self.limit_bytes = quantity_bytes(limit) if limit else None


class Container:
    """One container of the pod. `kind` is init, sidecar (an init container that is restarted always) or main."""

    def __init__(self, raw, kind, pod):
        self.name, self.image, self.kind = raw["name"], raw["image"], kind
        if raw.get("envFrom"):
            raise Unsupported(f"container {self.name}: envFrom")
        self.env = self._environment(raw, pod)
        variables = dict(self.env)
        self.argv = [expand(word, variables) for word in (raw.get("command") or []) + (raw.get("args") or [])]
        if not raw.get("command"):
            raise Unsupported(f"container {self.name} has no command, and no image's own entry point is known here")
        self.working_dir = raw.get("workingDir") or "/"
        self.mounts = [self._mount(mount, pod) for mount in raw.get("volumeMounts") or []]
        self.startup_probe = raw.get("startupProbe")
        if self.startup_probe and not self.startup_probe.get("exec"):
            raise Unsupported(f"container {self.name}: a startupProbe that is not exec")
        self.post_start = ((raw.get("lifecycle") or {}).get("postStart") or {}).get("exec", {}).get("command")
        self._security(raw.get("securityContext") or {}, pod.security)

    def _environment(self, raw, pod):
        env = {}
        for entry in raw.get("env") or []:
            if "valueFrom" in entry:
                value = pod.field(entry["valueFrom"])
                if value is None:
                    raise Unsupported(f"container {self.name}: env {entry['name']} from {entry['valueFrom']}")
            else:
                value = expand(entry.get("value") or "", env)
            env[entry["name"]] = value
        return list(env.items())

    def _mount(self, raw, pod):
        if raw.get("subPath") or raw.get("subPathExpr"):
            raise Unsupported(f"container {self.name}: subPath")
        if raw["name"] not in pod.volumes:
            raise Unsupported(f"container {self.name} mounts {raw['name']}, which the pod does not have")
        return raw["name"], raw["mountPath"].rstrip("/"), bool(raw.get("readOnly"))

    def _security(self, own, pods):
        def setting(key):
            return own.get(key, pods.get(key))
        self.uid = setting("runAsUser")
        self.gid = setting("runAsGroup")
        if setting("runAsNonRoot") and not self.uid:
            raise Unsupported(f"container {self.name}: runAsNonRoot without a runAsUser: the kubelet would refuse to start it")
        if own.get("privileged"):
            raise Unsupported(f"container {self.name}: privileged")
        asked = own.get("capabilities") or {}
        dropped = set(asked.get("drop") or [])
        kept = set() if "ALL" in dropped else default_capabilities - dropped
        self.capabilities = kept | set(asked.get("add") or [])
        self.no_new_privileges = own.get("allowPrivilegeEscalation") is False
        self.read_only_root = bool(own.get("readOnlyRootFilesystem"))

    def full_environment(self, hostname):
        """What the process gets: the container engine's own three, then exactly the pod's."""
        base = {"PATH": default_path, "HOSTNAME": hostname, "HOME": "/root" if not self.uid else "/"}
        return base | dict(self.env)


class Pod:
    def __init__(self, raw):
        if raw.get("kind") != "Pod":
            raise Unsupported(f"kind {raw.get('kind')}: this runner takes one Pod")
        self.metadata, spec = raw.get("metadata") or {}, raw["spec"]
        self.name = self.metadata.get("name") or (self.metadata.get("generateName") or "pod-") + "x"
        self.security = spec.get("securityContext") or {}
        self.fs_group = self.security.get("fsGroup")
        self.share_processes = bool(spec.get("shareProcessNamespace") or spec.get("hostPID"))
        self.volumes = {v["name"]: Volume(v) for v in spec.get("volumes") or []}
        self.grace_s = spec.get("terminationGracePeriodSeconds", 30)
        self.active_deadline_s = spec.get("activeDeadlineSeconds")
        self.init = [Container(c, "sidecar" if c.get("restartPolicy") == "Always" else "init", self)
                     for c in spec.get("initContainers") or []]
        self.main = [Container(c, "main", self) for c in spec["containers"]]

    def app(self, asked=None):
        """Finds the container whose end is the pod's: the one asked for, the default container, `app`, the first."""
        default = (self.metadata.get("annotations") or {}).get("kubectl.kubernetes.io/default-container")
        by_name = {c.name: c for c in self.main}
        if asked and asked not in by_name:
            raise Unsupported(f"no container {asked}: the pod has {', '.join(by_name)}")
        return by_name.get(asked) or by_name.get(default) or by_name.get("app") or self.main[0]

    def field(self, source):
        path = (source.get("fieldRef") or {}).get("fieldPath")
        return {"metadata.name": self.name, "metadata.namespace": self.metadata.get("namespace") or "default",
                "status.podIP": "127.0.0.1", "status.hostIP": "127.0.0.1"}.get(path)
