"""A server on grpcio (C-core) whose health changes: it says `up`, does what the lines of its stdin say, and says so.

    watched.py SOCKET [without-watch]
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Condition

import grpc

STATES = {"serving": b"\x08\x01", "not-serving": b"\x08\x02"}
# Of a stop in good order, in seconds: no test takes so long.
GRACE = 3600


class Health:
    def __init__(self):
        self.state, self.changed = STATES["serving"], Condition()

    def set(self, state):
        with self.changed:
            self.state = state
            self.changed.notify_all()

    def check(self, request, context):
        return self.state

    def watch(self, request, context):
        def end():
            with self.changed:
                self.changed.notify_all()

        context.add_callback(end)
        last = None
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.state != last or not context.is_active())
                if not context.is_active():
                    return
                last = self.state
            yield last


def main():
    health = Health()
    handlers = {"Check": grpc.unary_unary_rpc_method_handler(health.check)}
    if sys.argv[2:] != ["without-watch"]:
        handlers["Watch"] = grpc.unary_stream_rpc_method_handler(health.watch)
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("grpc.health.v1.Health", handlers)])
    server.add_insecure_port(f"unix:{sys.argv[1]}")
    server.start()
    print("up", flush=True)
    for line in map(str.strip, sys.stdin):
        if line == "stop":
            # Waits for the calls that are open.
            server.stop(GRACE).wait()
        else:
            health.set(STATES[line])
        print(line, flush=True)
    server.stop(0)


main()
