"""MiniStack, held by the process that started it. Runs on the Python of .venv-aws, by its path.

MiniStack by itself saves its state only when it stops in good order. Here it also
- saves DynamoDB every few seconds when something was written, so that a `kill -9` loses seconds, not the day;
- saves everything when its parent writes a line to its standard input (after a deployment);
- stops in good order when that pipe ends: the parent has gone, however it went;
- routes the API's paths as they were sent, as API Gateway does: an escaped slash does not divide one;
- reads a stream from its beginning after a start: streams are not saved, but how far they were read is, so that
  as many new records as there had been old ones would be passed over.
"""

import asyncio
import os
import signal
import sys
import threading
import time

from ministack import app
from ministack.core import persistence
from ministack.services import dynamodb, lambda_svc

SAVE_EVERY_SECONDS = 2.0
# A snapshot copies every item while requests wait: the longer it takes, the rarer it is.
PAUSE_PER_SECOND_OF_SAVING = 20


def save(only=None):
    """Writes the state files of all services, or of the one named. Copied on the event loop, where requests
    run."""
    services = app._build_persistence_save_dict()
    if only:
        services = {only: dynamodb.get_state}

    async def copies():
        return {name: state() for name, state in services.items()}

    for name, state in asyncio.run_coroutine_threadsafe(copies(), app._MAIN_LOOP).result().items():
        if state is not None:
            persistence.save_state(name, state)


def follow_parent():
    while os.read(0, 1):
        save()
    os.kill(os.getpid(), signal.SIGTERM)


def count_writes():
    """Counts the calls that may have changed a table, so that an idle stack saves nothing."""
    count = [0]
    handle = dynamodb.handle_request
    reads = ("Get", "Query", "Scan", "BatchGet", "TransactGet", "Describe", "List")

    async def counted(method, path, headers, body, query_params):
        if not headers.get("x-amz-target", "").rpartition(".")[2].startswith(reads):
            count[0] += 1
        return await handle(method, path, headers, body, query_params)

    dynamodb.handle_request = counted
    return count


def keep_paths_as_sent():
    """MiniStack decodes a path before it looks for its route; functions decode what they are handed."""
    serve = app.app

    async def as_sent(scope, receive, send):
        raw = scope.get("raw_path", b"").decode("latin-1")
        if raw.startswith("/_aws/execute-api/"):
            scope = {**scope, "path": raw}
        await serve(scope, receive, send)

    app.app = as_sent


def forget_how_far_streams_were_read():
    load = lambda_svc.load_persisted_state

    def without_positions(data):
        return load({**data, "dynamodb_stream_positions": {}})

    lambda_svc.load_persisted_state = without_positions


def save_while_running(writes):
    saved, pause = 0, SAVE_EVERY_SECONDS
    while True:
        time.sleep(pause)
        if writes[0] != saved:
            saved, began = writes[0], time.monotonic()
            save(only="dynamodb")
            pause = max(SAVE_EVERY_SECONDS, PAUSE_PER_SECOND_OF_SAVING * (time.monotonic() - began))


if __name__ == "__main__":
    threading.Thread(target=follow_parent, daemon=True).start()
    if persistence.PERSIST_STATE:
        threading.Thread(target=save_while_running, args=(count_writes(),), daemon=True).start()
        forget_how_far_streams_were_read()
    keep_paths_as_sent()
    sys.argv = ["ministack"]
    app.main()
