"""Talk to containerd by the Container Runtime Interface, like the kubelet: cri.py VERB ...

Encodes the few messages that the suite needs by hand, with the field numbers of
k8s.io/cri-api/pkg/apis/runtime/v1/api.proto. CRI_SOCKET names the socket.

    pod NAME LOG-DIR             run a pod whose containers share a PID namespace; print its id
    create POD NAME IMAGE LOG [restricted] -- COMMAND ...
                                 make a container of the pod; print its id
    start CONTAINER
    exec CONTAINER COMMAND ...   run a command like a probe or a hook; exit with its code
    stop CONTAINER SECONDS       send TERM, then KILL after the grace period
    state CONTAINER              print "STATE CODE"; states are created, running, exited
    pid POD                      print the pid of its first process
    stop-pod POD, remove-pod POD
"""
import json
import os
import sys

import grpc


def varint(number):
    data = b""
    while number > 127:
        data += bytes([number & 127 | 128])
        number >>= 7
    return data + bytes([number])


def field(number, value):
    """Encode one field of a message: a number, a string, a message, or a list of these."""
    if isinstance(value, list):
        return b"".join(field(number, v) for v in value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def message(**fields):
    """Encode a message from its fields by number: _1=..., _2=..."""
    return b"".join(field(int(name[1:]), value) for name, value in fields.items())


def parse(data):
    """Decode a message: map field numbers to the last value, a number or bytes.

    ("all", NUMBER) maps to the list of all byte values of a field.
    """
    fields, at = {}, 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        key = number()
        if key & 7 == 0:
            fields[key >> 3] = number()
        else:
            size = number()
            fields.setdefault(("all", key >> 3), []).append(data[at:at + size])
            fields[key >> 3] = data[at:at + size]
            at += size
    return fields


channel = grpc.insecure_channel("unix://" + os.environ["CRI_SOCKET"])


def call(method, request):
    return parse(channel.unary_unary("/runtime.v1.RuntimeService/" + method)(request, timeout=120))


KEPT = os.environ["W"] + "/pod"         # name and logs of the pod
POD, NODE = 0, 2                        # enum NamespaceMode


def pod_config(name, logs):
    namespaces = message(_1=NODE, _2=POD, _3=POD)
    return message(
        _1=message(_1=name, _2=name + "-uid", _3="default"), _3=logs,
        _8=message(_1="/" + os.environ["CRI_GROUP"], _2=message(_1=namespaces)))


def create(pod, name, image, log, words):
    security = message(_3=message(_1=NODE, _2=POD, _3=POD))
    if words[0] == "restricted":        # the Pod Security Standard of that name
        security += message(_1=message(_2="ALL"), _5=message(_1=65534), _7=1, _11=1,
                            _12=message(_1=65534))
    command = words[words.index("--") + 1:]
    config = message(_1=message(_1=name), _2=message(_1=image), _3=command, _11=log,
                     _15=message(_2=security))
    name_of_pod, logs = open(KEPT).read().split()
    return call("CreateContainer", message(_1=pod, _2=config, _3=pod_config(name_of_pod, logs)))


def main(verb, *words):
    if verb == "pod":
        with open(KEPT, "w") as file:
            file.write(" ".join(words))
        print(call("RunPodSandbox", message(_1=pod_config(*words)))[1].decode())
    elif verb == "create":
        print(create(*words[:4], list(words[4:]))[1].decode())
    elif verb == "start":
        call("StartContainer", message(_1=words[0]))
    elif verb == "exec":
        answer = call("ExecSync", message(_1=words[0], _2=list(words[1:]), _3=60))
        sys.stdout.write(answer.get(1, b"").decode())
        sys.stderr.write(answer.get(2, b"").decode())
        return answer.get(3, 0)
    elif verb == "stop":
        call("StopContainer", message(_1=words[0], _2=int(words[1])))
    elif verb == "state":
        status = parse(call("ContainerStatus", message(_1=words[0]))[1])
        print(["created", "running", "exited", "unknown"][status.get(3, 0)], status.get(7, 0))
    elif verb == "pid":
        answer = call("PodSandboxStatus", message(_1=words[0], _2=1))
        info = {parse(e)[1].decode(): parse(e)[2].decode() for e in answer[("all", 2)]}
        print(json.loads(info["info"])["pid"])
    elif verb == "stop-pod":
        call("StopPodSandbox", message(_1=words[0]))
    elif verb == "remove-pod":
        call("RemovePodSandbox", message(_1=words[0]))
    else:
        raise SystemExit("cri.py: no such verb: " + verb)
    return 0


sys.exit(main(*sys.argv[1:]))
