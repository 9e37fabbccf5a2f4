# SPDX-License-Identifier: MIT
"""python -m support.tally BROKEN FILE...: the closing line over JUnit files.

A test that was skipped did not show anything, so it counts as failed. BROKEN is the number
of parts that could not run at all.
"""

import sys
import xml.etree.ElementTree as ElementTree


def verdicts(path):
    """(name, passed or not, why) of each test in one file."""
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = f"{case.get('classname')}: {case.get('name')}"
        trouble = next((case.find(kind) for kind in ("failure", "error", "skipped")
                        if case.find(kind) is not None), None)
        why = "" if trouble is None else f"{trouble.tag} {trouble.get('message') or ''}"
        yield name, trouble is None, why.strip().split("\n")[0]


def main(broken, *paths):
    passed = 0
    failed = int(broken)
    for path in paths:
        for name, well, why in verdicts(path):
            if well:
                passed += 1
            else:
                failed += 1
                print(f"FAILED {name}: {why}")
    if int(broken):
        print(f"FAILED {broken} part(s) could not run, see above")
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
