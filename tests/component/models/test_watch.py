"""What is noticed of models' processes, with a server that does at once what Triton does at some time or other."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from models.watch import watch

_SERVER = """
import http.server, json, os, signal, socketserver, subprocess, sys, threading

socket_path, code, *orders = sys.argv[1:]
processes = []
asked = 0
state = "READY"

def obey(order):
    global state
    if order == "start":
        processes.append(subprocess.Popen([sys.executable, code]))
    elif order == "kill":
        processes[-1].kill()
        processes.pop().wait()
    elif order == "unload":
        state = "UNAVAILABLE"

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        # Not ready the first time, so that the watcher has seen the processes that there are.
        global asked
        asked += 1
        if asked == 2:
            for order in orders:
                obey(order)
        self.answer(200 if asked > 1 else 503, b"")

    def do_POST(self):
        self.answer(200, json.dumps([{"name": "isnet", "state": state}]).encode())
        # Long after the watcher has thought about that.
        threading.Timer(2, lambda: end(7)).start()

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self):
        return "watcher"

    def log_message(self, *_):
        pass

def end(status):
    for process in processes:
        process.kill()
    os._exit(status)

signal.signal(signal.SIGTERM, lambda *_: end(0))
obey("start")
socketserver.UnixStreamServer(socket_path, Handler).serve_forever()
"""


_LEFT_ALONE = 7


@contextmanager
def watched(folder: Path, *orders: str) -> Iterator[tuple[psutil.Popen, threading.Thread]]:
    """A server that does this once it is asked for the second time, and its watcher."""
    code = folder / "models" / "isnet" / "1" / "model.py"
    code.parent.mkdir(parents=True)
    code.write_text("import time; time.sleep(600)")
    server = psutil.Popen([sys.executable, "-c", _SERVER, str(folder / "http.sock"), str(code), *orders])
    watcher = threading.Thread(target=watch, args=(server.pid, folder / "http.sock"))
    watcher.start()
    try:
        yield server, watcher
    finally:
        if server.is_running():
            server.terminate()
        server.wait()
        watcher.join(60)
        assert not watcher.is_alive()


@pytest.mark.parametrize("orders", [["kill"], ["start", "kill", "kill"]], ids=["the one that it had", "that and another one"])
def test_a_process_that_dies_as_the_server_becomes_ready_is_missed(
    tmp_path: Path, orders: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    with watched(tmp_path, *orders) as (server, watcher):
        assert server.wait(30) == 0
        watcher.join(30)
    assert "a model has lost its process" in capfd.readouterr().err


@pytest.mark.cases(1)
@pytest.mark.parametrize(
    "orders",
    [["kill", "start"], ["kill", "unload"], ["kill", "start", "kill", "unload"]],
    ids=["replaced", "unloaded", "replaced and unloaded"],
)
def test_one_that_nobody_needs_any_more_is_not(tmp_path: Path, orders: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    with watched(tmp_path, *orders) as (server, watcher):
        assert server.wait(30) == _LEFT_ALONE
        watcher.join(30)
    assert "lost its process" not in capfd.readouterr().err
