"""A server on grpcio (C-core) for one row of the table: prints its port, and ends with its stdin.

    server.py MANNER CERTIFICATES|- [asks]
"""

import pathlib
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc

SERVING, NOT_SERVING = b"\x08\x01", b"\x08\x02"


def check(manner):
    def answer(request, context):
        # A service's name is field 1 of the request.
        if manner == "not-serving":
            return NOT_SERVING
        if manner == "denies":
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "not you")
        if manner == "unavailable":
            context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        if manner == "empty":
            return b""
        if request:
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return SERVING

    return grpc.unary_unary_rpc_method_handler(answer)


def credentials(directory, asks):
    read = lambda name: (directory / name).read_bytes()
    pair = [(read("server.key"), read("server.crt"))]
    if asks:
        return grpc.ssl_server_credentials(pair, read("ca.crt"), require_client_auth=True)
    return grpc.ssl_server_credentials(pair)


def main():
    manner, directory, asks = sys.argv[1], sys.argv[2], sys.argv[3:] == ["asks"]
    server = grpc.server(ThreadPoolExecutor(4))
    if manner != "without-health":
        handlers = {"Check": check(manner)}
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("grpc.health.v1.Health", handlers)])
    if directory == "-":
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        port = server.add_secure_port("127.0.0.1:0", credentials(pathlib.Path(directory), asks))
    server.start()
    print(port, flush=True)
    sys.stdin.read()
    server.stop(0)


main()
