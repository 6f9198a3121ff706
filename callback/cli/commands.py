"""Every noun's commands, imported so that they register themselves; one line each."""
import callback.cli.database
import callback.cli.worker
