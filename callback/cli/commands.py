"""Every noun's commands, imported so that they register themselves; one line each."""
# ruff: noqa: F401  imported for what the import does

import callback.cli.accounts
import callback.cli.agent_files
import callback.cli.calendar
import callback.cli.campaign
import callback.cli.contact
import callback.cli.database
import callback.cli.dissatisfaction
import callback.cli.doctor
import callback.cli.imports
import callback.cli.plan
import callback.cli.questionnaire
import callback.cli.sample
import callback.cli.script
import callback.cli.serve
import callback.cli.shifts
import callback.cli.suppression
import callback.cli.visit
import callback.cli.warning
import callback.cli.work
import callback.cli.worker
