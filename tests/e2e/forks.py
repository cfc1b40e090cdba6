"""`tallystick` in processes of their own, each forked from one that has imported everything: a second less a command.

What a shell finds as `tallystick` is `CLIENT`: it hands its words, its folder, its environment and its three streams to
the server, passes signals on, and ends as the command does. Run as a script, with the socket's path, this is the server.
"""

from __future__ import annotations

import array
import importlib
import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

MODULES = (
    "tallystick.deploy.deploy",
    "tallystick.l1.cli",
    "tallystick.l1.dev.dev_server",
    "tallystick.trader.cli",
    "tallystick.trader.client",
    "tallystick.trader.offers",
    "tallystick.trader.onchain",
    "tallystick.trader.show",
    "tallystick_challenger.cli",
    "tallystick_challenger.daemon",
    "tallystick_challenger.status.status_page",
    "tallystick_operator.cli",
    "tallystick_operator.daemon",
)
MOST_BYTES = 1 << 20
STREAMS = 3

CLIENT = """#!{python} -IS
import array, json, os, signal, socket, sys
server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
server.connect({path!r})
said = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
server.sendmsg([said], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))])
pid = int(server.recv(64))
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, frame: os.kill(pid, number))
sys.exit(int(server.recv(64) or b"1"))
"""


@contextmanager
def forks(folder: Path) -> Iterator[Path]:
    """Run the server, and yield the folder in which `tallystick` is."""
    path = folder / "forks"
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    client = bin_folder / "tallystick"
    client.write_text(CLIENT.format(python=sys.executable, path=str(path)))
    client.chmod(0o755)
    command = [sys.executable, __file__, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None and server.stdout is not None
        assert server.stdout.readline() == b"ready\n"
        yield bin_folder
        server.stdin.close()


def serve(path: str) -> None:
    """Fork a process for each client until the standard input ends."""
    for name in MODULES:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    children: list[int] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(path)
        listener.listen()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while 0 not in select.select([listener.fileno(), 0], [], [])[0]:
            caller, _ = listener.accept()
            pid = os.fork()
            if pid == 0:
                listener.close()
                run(caller)
            children.append(pid)
            caller.close()
    for pid in children:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def run(caller: socket.socket) -> NoReturn:
    """Be the command that a client asks for."""
    space = socket.CMSG_LEN(STREAMS * array.array("i").itemsize)
    said, ancillary, _, _ = caller.recvmsg(MOST_BYTES, space)
    words, folder, environment = json.loads(said)
    streams = array.array("i", ancillary[0][2])
    caller.send(str(os.getpid()).encode())
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    random.seed()
    sys.argv = ["tallystick", *words]
    code = 0
    try:
        importlib.import_module("tallystick.cli").main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001  as the interpreter would
        traceback.print_exc()
        code = 1
    with suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    caller.send(str(code).encode())
    os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1])
