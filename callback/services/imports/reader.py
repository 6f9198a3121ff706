"""The reading process beside a large import: `python -m callback.services.imports.reader`, driven by `chunks.py`.

It gets one pickled `Reading` on standard input and writes pickled chunks to standard output, then `None`; an error that
a person can act on goes as `(code, params)`. A writer that has gone away (killed, failed) ends it quietly.
"""

import os
import pickle
import sys
from contextlib import suppress

from callback.errors import Invalid
from callback.services.imports.chunks import Reading, read_chunks


def main() -> None:
    reading: Reading = pickle.load(sys.stdin.buffer)  # noqa: S301  from the process that started this one
    # Whatever else might be printed must not get between the chunks.
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    sys.stdout = sys.stderr
    with suppress(BrokenPipeError, KeyboardInterrupt), out:
        try:
            for chunk in read_chunks(reading):
                # Plain tuples: named ones cost the pickler a call each.
                message = (chunk.rows_done, [tuple(d) for d in chunk.drafts], [tuple(r) for r in chunk.rejects])
                pickle.dump(message, out, pickle.HIGHEST_PROTOCOL)
            pickle.dump(None, out)
        except Invalid as error:
            pickle.dump((error.code, error.params), out)


if __name__ == "__main__":
    main()
