"""Judges handshakes with Python's own `ssl`, or with the verifier of pyca/cryptography.

    verify.py ssl|cryptography

Each line of stdin is a question (tab-separated): server, client (each a path without `.crt` and `.key`), the CA that the
server trusts, the CA that the client trusts, the host that the client asks for. Each gets one line on stdout: `accepted`,
or who refused it, a tab, and why.
"""

import ipaddress
import ssl
import sys
from datetime import datetime, timezone

from cryptography import x509
from cryptography.x509 import verification


class Refused(Exception):
    """Who refused, and why."""


def handshake(server, client, server_trusts, client_trusts, host):
    """Mutual TLS in memory, both ends as strict as Python can be (the default since 3.13)."""
    ends = {}
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    for side, pair, trusts in (("client", client, client_trusts), ("server", server, server_trusts)):
        protocol = ssl.PROTOCOL_TLS_CLIENT if side == "client" else ssl.PROTOCOL_TLS_SERVER
        context = ssl.SSLContext(protocol)
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        context.load_verify_locations(trusts)
        context.load_cert_chain(pair + ".crt", pair + ".key")
        if side == "client":
            ends[side] = context.wrap_bio(to_client, to_server, server_hostname=host)
        else:
            ends[side] = context.wrap_bio(to_server, to_client, server_side=True)

    unfinished = ["client", "server"]
    # A handshake of TLS 1.3 is three flights, with one to spare for whoever waits.
    for _ in range(8):
        for side in list(unfinished):
            try:
                ends[side].do_handshake()
                unfinished.remove(side)
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLCertVerificationError as error:
                raise Refused(side, error.verify_message) from error
    if unfinished:
        raise RuntimeError(f"the handshake stands still at {unfinished}")


def verify(server, client, server_trusts, client_trusts, host):
    """What either side would check of the other, without the connection."""
    try:
        subject = x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        subject = x509.DNSName(host)
    check("client", server, builder(client_trusts).build_server_verifier(subject))
    check("server", client, builder(server_trusts).build_client_verifier())


def check(side, pair, verifier):
    leaf, *intermediates = load(pair + ".crt")
    try:
        verifier.verify(leaf, intermediates)
    except verification.VerificationError as error:
        raise Refused(side, str(error)) from error


def builder(trusts):
    return verification.PolicyBuilder().store(verification.Store(load(trusts))).time(datetime.now(timezone.utc))


def load(path):
    with open(path, "rb") as file:
        return x509.load_pem_x509_certificates(file.read())


def main():
    judge = {"ssl": handshake, "cryptography": verify}[sys.argv[1]]
    for question in sys.stdin:
        try:
            judge(*question.rstrip("\n").split("\t"))
            print("accepted")
        except Refused as refusal:
            side, reason = refusal.args
            print(side, " ".join(reason.split()), sep="\t")


if __name__ == "__main__":
    main()
