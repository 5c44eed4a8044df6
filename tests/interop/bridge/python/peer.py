"""grpcio as a caller and as a server, without generated code.

    peer.py serve CERTIFICATES            mutual TLS on a port that is printed, until stdin ends
    peer.py call TARGET [CERTIFICATES]    reads calls from stdin and prints outcomes, one JSON object per line

The methods and the fields are those of ../call_test.go.
"""

import hashlib
import json
import os
import sys
import threading
from concurrent import futures

import grpc

# C-core refuses metadata of more than 8 KiB by default. The other peers accept 16 MiB.
OPTIONS = [
    ("grpc.max_metadata_size", 16 << 20),
    ("grpc.absolute_max_metadata_size", 16 << 20),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
]


def main():
    verb, *arguments = sys.argv[1:]
    {"serve": serve, "call": call_all}[verb](*arguments)


def read(directory, name):
    with open(os.path.join(directory, name), "rb") as file:
        return file.read()


def message(number, size):
    return bytes([number % 251]) * size


def padding(total, values):
    """`total` bytes of metadata in so many values."""
    return [("x-pad", (PATTERN * (total // values // len(PATTERN) + 1))[: total // values]) for _ in range(values)]


PATTERN = "0123456789abcdef-ghijklmnop_QRSTUVWXYZ"


def tally(metadata, prefix="x-"):
    """What both sides compare of metadata: number of values, their bytes, a digest."""
    lines = {}
    for key, value in metadata or ():
        if key.startswith(prefix):
            lines.setdefault(key, []).append(value)
    flat = [f"{key}: {value}\n" for key in sorted(lines) for value in lines[key]]
    digest = hashlib.sha256("".join(flat).encode()).hexdigest()[:16]
    return {"values": len(flat), "bytes": sum(len(line) for line in flat), "digest": digest}


# ---- server


def serve(directory):
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=64), options=OPTIONS, handlers=[Everything()]
    )
    credentials = grpc.ssl_server_credentials(
        [(read(directory, "server.key"), read(directory, "server.crt"))],
        root_certificates=read(directory, "ca.crt"),
        require_client_auth=True,
    )
    port = server.add_secure_port("localhost:0", credentials)
    server.start()
    print(port, flush=True)
    sys.stdin.read()
    server.stop(grace=None).wait(5)


class Everything(grpc.GenericRpcHandler):
    def service(self, details):
        answers = METHODS.get(details.method.rpartition("/")[2])
        if answers is None:
            return None
        script = dict(details.invocation_metadata)

        def behaviour(requests, context):
            if "x-header-bytes" in script:
                context.send_initial_metadata(
                    padding(int(script["x-header-bytes"]), int(script["x-header-values"]))
                )
            saw = tally(details.invocation_metadata, "x-pad")
            left = context.time_remaining()
            trailers = [
                ("x-saw", f"{saw['values']} {saw['bytes']} {saw['digest']}"),
                ("x-limit", "none" if left is None or left > 1e9 else f"{round(left / 3600)}h"),
            ]
            if "x-trailer-bytes" in script:
                trailers += padding(int(script["x-trailer-bytes"]), int(script["x-trailer-values"]))
            context.set_trailing_metadata(trailers)
            yield from answers(script, requests, context)
            if "x-code" in script:
                context.abort(getattr(grpc.StatusCode, script["x-code"]), "as the caller wished")

        return grpc.stream_stream_rpc_method_handler(behaviour)


def echo(_script, requests, _context):
    yield from requests


def count(_script, requests, _context):
    messages, length, digest = 0, 0, hashlib.sha256()
    for request in requests:
        messages, length = messages + 1, length + len(request)
        digest.update(request)
    yield f"{messages} {length} {digest.hexdigest()}".encode()


def source(script, _requests, _context):
    size = int(script["x-size"])
    for number in range(int(script["x-messages"])):
        yield message(number, size)


def silent(_script, _requests, context):
    ended = threading.Event()
    if context.add_callback(ended.set):
        ended.wait()
    return
    yield


METHODS = {"Echo": echo, "Count": count, "Source": source, "Silent": silent}


# ---- caller


def call_all(target, directory=None):
    options = OPTIONS + [("grpc.use_local_subchannel_pool", 1)]
    if directory:
        credentials = grpc.ssl_channel_credentials(
            read(directory, "ca.crt"), read(directory, "client.key"), read(directory, "client.crt")
        )
        channel = grpc.secure_channel(target, credentials, options)
    else:
        # C-core names the socket's path otherwise, which is no authority.
        channel = grpc.insecure_channel(target, options + [("grpc.default_authority", "localhost")])
    held, written = {}, threading.Lock()

    def run(call):
        outcome = one_call(channel, call, held.get(call["id"]))
        with written:
            print(json.dumps({"id": call["id"], "outcome": outcome}), flush=True)

    for line in sys.stdin:
        call = json.loads(line)
        if "release" in call:
            held[call["release"]].set()
            continue
        if call["hold"]:
            held[call["id"]] = threading.Event()
        threading.Thread(target=run, args=(call,), daemon=True).start()
    channel.close()


def one_call(channel, call, held):
    stub = channel.stream_stream("/egext.Peers/" + call["method"])
    metadata = list((call["metadata"] or {}).items())
    if call["pad_bytes"]:
        metadata += padding(call["pad_bytes"], call["pad_values"])
    requests = (message(number, call["size"]) for number in range(call["messages"]))
    response = stub(requests, metadata=metadata, timeout=call["timeout"] or None)
    limit = threading.Timer(call["limit"], response.cancel)
    limit.daemon = True
    limit.start()
    received, length, digest = 0, 0, hashlib.sha256()
    try:
        for reply in response:
            received, length = received + 1, length + len(reply)
            digest.update(reply)
            if held and received == 1:
                held.wait(call["limit"])
    except grpc.RpcError:
        # The code says the same.
        pass
    over = limit.finished.is_set()
    limit.cancel()
    return {
        "code": f"no end within {call['limit']} s" if over else response.code().name,
        "message": response.details() or "",
        "messages": received,
        "bytes": length,
        "digest": digest.hexdigest()[:16],
        "header": tally(response.initial_metadata()),
        "trailer": tally(response.trailing_metadata()),
    }


main()
