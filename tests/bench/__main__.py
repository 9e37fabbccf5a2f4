# SPDX-License-Identifier: MIT
"""python -m bench [NAME]: runs one benchmark, or all of them, one after the other."""

import sys

from . import api, flush, ingest
from .machine import write_report

BENCHMARKS = {"ingest": ingest.run, "api": api.run, "flush": flush.run}


def main(names):
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"bench: no benchmark {unknown[0]!r}; there are: {', '.join(BENCHMARKS)}",
              file=sys.stderr)
        return 2
    for name in names or BENCHMARKS:
        path = write_report(name, BENCHMARKS[name]())
        print(f"\nwritten to {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
