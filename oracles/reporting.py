"""One line a check, for people and for what counts them."""

import traceback
from itertools import islice


def report(name, check, *arguments):
    """Runs one check, which yields a sentence a problem; True when there is none."""
    try:
        problems = list(islice(check(*arguments), 100))
    except Exception as error:  # noqa: BLE001: a check that breaks has failed
        traceback.print_exc()
        problems = [f"{type(error).__name__}: {error}"]
    if not problems:
        say(f"ok {name}")
        return True
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    say(f"FAIL {name}: {problems[0]}{more}".replace("\n", " "))
    return False


def say(line):
    """In one piece, end of line and all: other processes write to the same place."""
    print(f"{line}\n", end="", flush=True)
