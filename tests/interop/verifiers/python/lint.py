"""Runs pkilint's own commands, many in one process: most of their time is loading their rules.

Each line of stdin is a command: a certificate, or a CA and (after a tab) a certificate of its own. Each gets one line on
stdout: what pkilint found, as JSON.
"""

import contextlib
import io
import json
import sys

from pkilint.bin import lint_pkix_cert, lint_pkix_signer_signee_cert_chain


def main():
    for line in sys.stdin:
        files = line.rstrip("\n").split("\t")
        linter = lint_pkix_cert if len(files) == 1 else lint_pkix_signer_signee_cert_chain
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            linter.main(["lint", "-s", "WARNING", "-f", "JSON", *files])
        print(json.dumps(json.loads(printed.getvalue())))


if __name__ == "__main__":
    main()
