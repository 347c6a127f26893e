"""The processes of a running stack, found by their place below our own process: those of no other run are touched."""

import signal
from random import Random

import psutil

from tests.stack import Stack

WORDS = {
    "worker": "-A config.celery worker",
    "dispatcher": "config.dispatcher",
    "web": "wsgi:application",
    "simulator": "-m simulator",
    "valkey": "valkey-server",
    "postgres": "bin/postgres",
}


def supervisord(stack: Stack) -> psutil.Process:
    children = psutil.Process(stack.process.pid).children()
    return next(child for child in children if "supervisord" in " ".join(child.cmdline()))


def find(stack: Stack, program: str) -> psutil.Process | None:
    """The program as supervisord started it; None while it is being started again."""
    try:
        for child in supervisord(stack).children():
            words = " ".join(child.cmdline())
            is_alive = child.status() != psutil.STATUS_ZOMBIE
            if WORDS[program] in words and "config/supervision.py" not in words and is_alive:
                return child
    except (psutil.Error, StopIteration):
        pass
    return None


def tree(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def kill(stack: Stack, program: str) -> list[psutil.Process]:
    """kill -9 of a program and all its children; returns them."""
    process = find(stack, program)
    found = tree(process) if process else []
    for one in found:
        _send(one, signal.SIGKILL)
    return found


def kill_one(stack: Stack, program: str, dice: Random) -> str:
    """kill -9 of the program's parent or of one of its children, as the dice say; tells whom it met."""
    wants_child, place = dice.random() < 0.5, dice.random()
    process = find(stack, program)
    if process is None:
        return f"{program} (was down)"
    parent, *children = tree(process) or [process]
    victim = children[int(place * len(children))] if wants_child and children else parent
    _send(victim, signal.SIGKILL)
    return f"{program} {'parent' if victim is parent else 'child'}"


def _send(process: psutil.Process, sig: signal.Signals) -> None:
    try:
        process.send_signal(sig)
    except psutil.Error:
        return
