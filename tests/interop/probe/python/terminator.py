"""TLS by OpenSSL in front of a plaintext server: `terminator.py DIRECTORY HOST:PORT [tickets=N] [group=NAME] [suite=NAME]`.

Prints its own port. `suite` is one of TLS 1.2, which is then the only version."""

import socket
import ssl
import sys
import threading


def copy(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(client, context, upstream):
    try:
        client = context.wrap_socket(client, server_side=True)
    except OSError:
        return
    server = socket.create_connection(upstream)
    threading.Thread(target=copy, args=(server, client), daemon=True).start()
    copy(client, server)


def main():
    directory, upstream, *changes = sys.argv[1:]
    host, port = upstream.rsplit(":", 1)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{directory}/server.crt", f"{directory}/server.key")
    context.load_verify_locations(f"{directory}/ca.crt")
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["h2"])
    for name, value in (change.split("=") for change in changes):
        if name == "tickets":
            context.num_tickets = int(value)
        elif name == "group":
            context.set_ecdh_curve(value)
        elif name == "suite":
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(value)
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client, context, (host, int(port))), daemon=True).start()


main()
