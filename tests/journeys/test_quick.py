"""Work is done where it belongs: a text leaves by the worker, at once, not by the dispatcher's patience."""

from pathlib import Path

from tests.stack import Api, Stack, eventually, new_number


def test_a_text_leaves_by_the_worker(stack: Stack, api: Api) -> None:
    sender = api.long_code()
    api.assign(sender, "organization", api.org)
    number = new_number()
    api.post("/messages", {"to": number, "body": "Hello"}, expect=202)
    eventually(lambda: stack.handset(number), what="the text on its handset")
    log = Path(stack.env["DATA_DIR"]) / "logs" / "worker.log"
    done = "Task messaging.dispatching.dispatch"
    eventually(
        lambda: done in log.read_text() and "succeeded" in log.read_text(), what="a drain of the worker"
    )
    assert "unregistered task" not in log.read_text()
