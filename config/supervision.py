"""Processes and their ends: who dies with whom, under which user, and what a killed run left behind.

Used by `config.embedded` and `config.run`; also a small script that supervisord puts before each program
(`python -S config/supervision.py [--gate] COMMAND…`), so only the standard library is imported at the top.
"""

import ctypes
import fcntl
import gc
import os
import pwd
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

MARK = "CALLSIGN_STACK"  # in the environment of every process of a stack; its value is the stack's DATA_DIR
SERVERS = {"postgres", "valkey-server"}

PR_SET_PDEATHSIG, PR_SET_SECUREBITS, PR_CAP_AMBIENT = 1, 28, 47
PR_CAP_AMBIENT_RAISE = 2
SECBIT_NO_SETUID_FIXUP = 1 << 2
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
CAPABILITY_VERSION_3 = 0x20080522


def end_with_parent(sig: signal.Signals = signal.SIGTERM) -> None:
    """The kernel sends `sig` to this process when its parent dies, however it dies. Only Linux can."""
    if sys.platform != "linux":
        return
    parent = os.getppid()
    _prctl(PR_SET_PDEATHSIG, int(sig))
    if os.getppid() != parent:
        os.kill(os.getpid(), sig)


def end_when_orphaned() -> None:
    """Ends this process at once when its parent is gone: granian's worker would go on serving old code."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def collect_less() -> None:
    """Garbage collections look at what this process made since, not at all of Django, and seldom.

    A process with hundreds of calls under way spent a quarter of its time in collections (docs/decisions/0011).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)


def leave_root() -> None:
    """Root becomes `nobody`, who may still pass through folders such as /root; a plain user stays who he is.

    PostgreSQL refuses to run as root, and DATA_DIR stays 0700: so the process keeps one capability, to look
    into folders, instead of the parents being opened to everybody.
    """
    if os.geteuid() != 0:
        return
    nobody = pwd.getpwnam("nobody")
    capability = _way_through_folders()
    # Without this bit the kernel drops capabilities at setuid, and access(2) ignores them after it.
    _prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP)
    os.setgroups([])
    os.setresgid(nobody.pw_gid, nobody.pw_gid, nobody.pw_gid)
    os.setresuid(nobody.pw_uid, nobody.pw_uid, nobody.pw_uid)
    _keep_only(capability)
    _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability)


def prepare_server(sig: signal.Signals = signal.SIGINT) -> Callable[[], None]:
    """For `preexec_fn`: leave root, and end with the parent (set last, for a change of user clears it)."""

    def prepare() -> None:
        leave_root()
        end_with_parent(sig)

    return prepare


def give_to_server(path: Path) -> None:
    """Makes `path` belong to the user that `leave_root` becomes."""
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(path, nobody.pw_uid, nobody.pw_gid)


def identity(pid: int) -> dict[str, float]:
    """What tells a process from a later one with the same number."""
    import psutil

    return {"pid": pid, "started": psutil.Process(pid).create_time()}


def is_alive(who: dict[str, float]) -> bool:
    import psutil

    try:
        process = psutil.Process(int(who["pid"]))
        same = abs(process.create_time() - who["started"]) < 0.1
        return bool(same and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def find_leftovers(data_dir: Path) -> list[Any]:
    """Every process of the stack of `data_dir`, whoever started it; never the caller and its parents."""
    import psutil

    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return [p for p in psutil.process_iter() if p.pid not in own and _belongs_to(p, data_dir)]


def end_leftovers(data_dir: Path) -> int:
    """Ends what a killed run left behind, servers by a clean shutdown; returns how many there were."""
    import psutil

    found = find_leftovers(data_dir)
    # Those that would start others again go first and at once.
    for process in sorted(found, key=lambda p: not _starts_others(p)):
        _signal(process, signal.SIGKILL if _starts_others(process) else _polite(process))
    _, stubborn = psutil.wait_procs(found, timeout=10)
    for process in stubborn:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(stubborn, timeout=5)
    return len(found)


def _belongs_to(process: Any, data_dir: Path) -> bool:
    import psutil

    try:
        if process.name() in SERVERS:  # PostgreSQL writes over its environment, so ask where it stands
            return Path(process.cwd()).is_relative_to(data_dir)
        return bool(process.environ().get(MARK) == str(data_dir))
    except (psutil.Error, OSError):
        return False


def _starts_others(process: Any) -> bool:
    import psutil

    try:
        words = " ".join(process.cmdline())
    except psutil.Error:
        return False
    return "supervisord" in words or "config.run" in words or "config.embedded" in words


def _polite(process: Any) -> signal.Signals:
    import psutil

    try:
        return signal.SIGINT if process.name() == "postgres" else signal.SIGTERM
    except psutil.Error:
        return signal.SIGTERM


def _signal(process: Any, sig: signal.Signals) -> None:
    import psutil

    with suppress(psutil.Error):
        process.send_signal(sig)


def _prctl(option: int, *values: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    arguments = [ctypes.c_ulong(value) for value in (*values, 0, 0, 0, 0)[:4]]
    if libc.prctl(option, *arguments) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}) failed")


def _way_through_folders() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    permitted = int(status.split("CapPrm:")[1].split()[0], 16)
    for capability in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):  # containers often grant only the second
        if permitted >> capability & 1:
            return capability
    raise PermissionError("this root may not hand on folder access: run as a plain user, or set DATABASE_URL")


def _keep_only(capability: int) -> None:
    bits = 1 << capability
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)(bits, bits, bits)  # effective, permitted, inheritable; the rest stays 0
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capset(header, data) != 0:
        raise OSError(ctypes.get_errno(), "capset failed")


def _main(words: list[str]) -> None:
    """Ties itself to supervisord's life, waits for the gate (the migrations), becomes the program."""
    end_with_parent()
    if words[0] == "--gate":
        words = words[1:]
        with open(Path(os.environ["DATA_DIR"]) / "gate.lock", "a") as gate:
            fcntl.flock(gate, fcntl.LOCK_SH)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    os.execvp(words[0], words)


if __name__ == "__main__":
    _main(sys.argv[1:])
