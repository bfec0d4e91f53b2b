"""The local AWS as a child process: MiniStack on a loopback port, started, watched and stopped in good
order."""

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from dev.places import AWS_PYTHON

REGION = "us-east-1"
# What any client of the local AWS signs with; MiniStack looks at neither.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": REGION}
READY_SECONDS = 60
# Saving a large state takes a while, and killing it half way would lose what was written since the last save.
STOP_SECONDS = 60


class CannotStart(Exception):
    """The local AWS cannot run here; the message says what to do."""


class MiniStack:
    """One MiniStack process. With `data`, its state lives in data/aws and outlives it; without, it is gone
    with it.

    `start` returns when it answers, or raises CannotStart. `stop` may be called twice, and waits until all is
    saved.
    """

    def __init__(self, port: int, data: Path | None = None, log: Path | None = None) -> None:
        self.port = port
        self.endpoint = f"http://127.0.0.1:{port}"
        self._data = data
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if not AWS_PYTHON.exists():
            raise CannotStart(
                f"MiniStack is not installed: {AWS_PYTHON} is missing; `python3 -m dev.environments run` installs it"
            )
        if is_taken(self.port):
            raise CannotStart(f"port {self.port} is taken; choose another with PORT=…")
        log = self._log.open("ab") if self._log else None
        try:
            self._process = subprocess.Popen(
                [AWS_PYTHON, "-P", Path(__file__).with_name("ministack_server.py")],
                env=self._environment(),
                stdin=subprocess.PIPE,
                stdout=log or subprocess.DEVNULL,
                stderr=log or subprocess.DEVNULL,
                # -P: or this folder's modules would stand before installed ones of the same name.
                # Its own session: a Ctrl-C in the terminal reaches us, and we stop it when we are ready to.
                start_new_session=True,
            )
        finally:
            if log:
                log.close()
        self._wait_until_ready()

    def save(self) -> None:
        """Asks for all state to be written now; the answer is not awaited."""
        if self._process and self._process.stdin:
            self._process.stdin.write(b"\n")
            self._process.stdin.flush()

    def has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS if self._data else 5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin:
            process.stdin.close()

    def kill(self) -> None:
        """Ends it as a power cut would; for tests of what is left then."""
        process, self._process = self._process, None
        if process:
            process.kill()
            process.wait()

    def _environment(self) -> dict[str, str]:
        settings = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))},
            **CREDENTIALS,
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": REGION,
            "GATEWAY_PORT": str(self.port),
            "LOG_LEVEL": "WARNING",
            # Listeners of other services on fixed ports, which two stacks side by side would fight over.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
        }
        if self._data:
            temporary = self._data / "tmp"
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            settings |= {"PERSIST_STATE": "1", "STATE_DIR": str(self._data / "aws"), "TMPDIR": str(temporary)}
            settings |= {"S3_PERSIST": "1", "S3_DATA_DIR": str(self._data / "s3")}
        return settings

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if self.has_ended():
                raise CannotStart(f"MiniStack ended at its start; see {self._log or 'its output'}")
            try:
                with urllib.request.urlopen(f"{self.endpoint}/_ministack/ready", timeout=1):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        self.stop()
        raise CannotStart(f"MiniStack did not answer within {READY_SECONDS} s; see {self._log or 'its output'}")


def free_port() -> int:
    """A loopback port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_taken(port: int) -> bool:
    """Whether something listens on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
