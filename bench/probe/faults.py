"""How soon `egext probe` names a fault: what shows at once, and silence, which takes as long as its limit."""

import json
import socket
import ssl
import subprocess
import threading
import time
from contextlib import ExitStack

# What shows at once may take this many seconds; silence may be off its limit by this part of it.
AT_ONCE, OFF = 0.3, 0.05
LIMIT = 1.0
# Of the layers `gateway` and `policy`, which have a limit of their own.
OWN_LIMIT = 2.0


def faults(ours, directory, certificates, server, rounds):
    """Prints the time of each fault, the slowest first; is each within what is allowed?"""
    with ExitStack() as stack:
        servers = Servers(stack, certificates, f"{directory}/server")
        with_names = f"{directory}/named"
        subprocess.run([ours, "certs", "init", "-q", "--dir", with_names, "--no-local-names", "other.test"], check=True)
        foreign = ["--cert", f"{with_names}/client.crt", "--key", f"{with_names}/client.key"]
        plain, mutual = ["--dir", certificates, "--no-gateway", "--no-policy"], ["--dir", certificates]
        at_once = [
            ("connect.refused", [servers.closed(), *plain]),
            ("connect.socket-missing", [f"unix:{directory}/none"]),
            ("tls.not-tls", [servers.says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), *plain]),
            ("tls.closed", [servers.says(b""), *plain]),
            ("tls.malformed", [servers.says(bytes([22, 3, 3, 0, 8, 2, 0, 0, 4, 1, 2, 3, 4])), *plain]),
            ("tls.alert", [servers.says(bytes([21, 3, 3, 0, 2, 2, 80])), *plain]),
            ("server-cert.name-mismatch", [servers.secured(with_names), "--ca", f"{with_names}/ca.crt", "--no-gateway"]),
            ("server-cert.unknown-issuer", [servers.secured(with_names), "--ca", f"{certificates}/ca.crt", "--no-gateway"]),
            ("alpn.missing", [servers.secured(certificates, alpn=None), *plain]),
            ("client-cert.required", [server, "--ca", f"{certificates}/ca.crt", "--no-gateway"]),
            ("client-cert.rejected", [server, *plain, *foreign]),
            ("http2.closed", [servers.secured(certificates, closes=True), *plain]),
            ("http2.not-http2", [f"tcp://{server}"]),
            ("http2.not-http2", [f"tcp://{servers.says(b'HTTP/1.1 400 Bad Request')}"]),
            ("grpc.permission-denied", [servers.grpc("denies"), *plain]),
            ("health.not-serving", [servers.grpc("not-serving"), *plain]),
            ("health.unknown-service", [server, *plain, "--service", "no.such.Service"]),
            ("gateway.sni-refused", [servers.grpc("refuses-name"), *mutual]),
            ("policy.client-cert-not-required", [servers.grpc("asks-nobody"), *mutual]),
        ]
        silence = [
            ("connect.timeout", [servers.without_room(), *plain], LIMIT),
            ("tls.timeout", [servers.silent(), *plain], LIMIT),
            ("http2.timeout", [servers.secured(certificates), *plain], LIMIT),
            ("http2.timeout", [f"tcp://{servers.silent()}"], LIMIT),
            ("grpc.timeout", [servers.grpc("never-answers"), *plain], LIMIT),
            ("gateway.sni-refused", [servers.grpc("hangs-on-name"), *mutual, "--no-policy"], OWN_LIMIT),
            (None, [servers.grpc("hangs-on-strangers"), *mutual, "--no-gateway"], OWN_LIMIT),
        ]
        quick = [(max(timed(ours, id, [*words, "--timeout", "1m"]) for _ in range(rounds)), id, words[0]) for id, words in at_once]
        slow = []
        for id, words, limit in silence:
            timeout = "1s" if limit == LIMIT else "1m"
            taken = timed(ours, id, [*words, "--timeout", timeout])
            slow.append((abs(taken - limit) / limit, taken, limit, id or "policy, not proven"))
    print(f"\nseconds until a fault that shows at once is reported, the slowest of {rounds} runs (allowed {AT_ONCE:.2f})")
    for taken, id, _ in sorted(quick, reverse=True):
        print(f"{id:34}{taken:8.3f}")
    print(f"\nseconds that silence takes (allowed: {OFF:.0%} off the limit)")
    for off, taken, limit, id in sorted(slow, reverse=True):
        print(f"{id:34}{taken:8.3f}{limit:8.1f}{off:8.1%}")
    return max(taken for taken, _, _ in quick) <= AT_ONCE and max(off for off, *_ in slow) <= OFF


def timed(ours, id, words):
    """Seconds of one probe, which has to name this fault first."""
    command = [ours, "probe", "-o", "json", *words]
    started = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    taken = time.perf_counter() - started
    found = [finding["id"] for finding in json.loads(done.stdout)["findings"]]
    if found[:1] != ([f"probe.{id}"] if id else []):
        raise SystemExit(f"error: found {found}, not {id}: {' '.join(command)}\n{done.stdout}")
    return taken


class Servers:
    """Servers with one fault each. All end with the stack."""

    def __init__(self, stack, certificates, program):
        self.stack, self.certificates, self.program = stack, certificates, program

    def listener(self, backlog=64):
        listener = self.stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(backlog)
        return listener

    def serve(self, answer):
        """A server that calls this for each connection; it may keep the connection by returning it."""
        listener, kept = self.listener(), []

        def loop():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=one, args=(connection,), daemon=True).start()

        def one(connection):
            try:
                kept.append(answer(connection))
            except OSError:
                pass

        threading.Thread(target=loop, daemon=True).start()
        return address(listener)

    def closed(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            return address(unused)

    def says(self, words):
        def answer(connection):
            with connection:
                connection.recv(65536)
                connection.sendall(words)

        return self.serve(answer)

    def silent(self):
        return self.serve(lambda connection: connection)

    def secured(self, directory, alpn="h2", closes=False):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{directory}/server.crt", f"{directory}/server.key")
        if alpn:
            context.set_alpn_protocols([alpn])

        def answer(connection):
            secured = context.wrap_socket(connection, server_side=True)
            if closes:
                secured.unwrap()
            return secured

        return self.serve(answer)

    def without_room(self):
        listener = self.listener(backlog=0)
        # The first takes the one place that there is; the others wait in vain, as the probe will.
        for _ in range(4):
            waiting = self.stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        return address(listener)

    def grpc(self, manner):
        server = self.stack.enter_context(
            subprocess.Popen([self.program, self.certificates, manner], stdout=subprocess.PIPE, text=True)
        )
        self.stack.callback(server.terminate)
        return server.stdout.readline().strip()


def address(listener):
    return f"localhost:{listener.getsockname()[1]}"
