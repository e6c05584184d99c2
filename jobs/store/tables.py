"""The tables: what is true. Times are seconds since the epoch; JSON columns hold what types.py can rebuild."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("guid", String(80), primary_key=True),
    Column("source", String(20), nullable=False),
    Column("event", String(60), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("status", String(10), nullable=False),  # new, done, failed
    Column("attempts", Integer, nullable=False),
    Column("received_at", Float, nullable=False),
    Column("lease_owner", String(100), nullable=False, server_default=""),
    Column("lease_until", Float, nullable=False),
    Column("done_at", Float),
    Column("error", Text, nullable=False),
    Index("ix_deliveries_status", "status", "lease_until"),
)

installations = Table(
    "installations",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("account", String(100), nullable=False),
    Column("suspended", Boolean, nullable=False),
    Column("updated_at", Float, nullable=False),
)

repositories = Table(
    "repositories",
    metadata,
    Column("full_name", String(200), primary_key=True),
    Column("installation_id", BigInteger, nullable=False),
    Index("ix_repositories_installation_id", "installation_id"),
)

tasks = Table(
    "tasks",
    metadata,
    Column("id", String(12), primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("repository", String(200), nullable=False),
    Column("installation_id", BigInteger, nullable=False),
    Column("subject", String(60), nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("removed", JSON, nullable=False),
    Column("actor", JSON, nullable=False),
    Column("mode", String(20), nullable=False),
    Column("limits", JSON, nullable=False),
    Column("delivery", String(80), nullable=False),
    Column("status", String(20), nullable=False),
    Column("conclusion", String(20)),
    Column("phase", String(20), nullable=False),
    Column("plan", JSON, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("crashes", Integer, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("summary", Text, nullable=False),
    Column("question", Text, nullable=False),
    Column("edited", Boolean, nullable=False),
    Column("cancel", Text, nullable=False),
    Column("pause", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("outcome", JSON),
    Column("at_once", JSON, nullable=False),  # how many tasks may run at once: of the repository, of the actor
    Column("active_key", String(300)),  # repository, subject and kind while the task is not completed
    Column("created_at", Float, nullable=False),
    Column("started_at", Float),
    Column("completed_at", Float),
    Column("worked_seconds", Float, nullable=False),
    Column("lease_owner", String(100), nullable=False),
    Column("lease_until", Float, nullable=False),
    Column("not_before", Float, nullable=False),
    Column("told", Boolean, nullable=False),  # the ending has reached people
    Column("tell_attempts", Integer, nullable=False),
    Column("approval", String(10), nullable=False, server_default=""),
    Column("model", String(200), nullable=False, server_default=""),  # chosen by people for this task
    Column("follows", String(12), nullable=False, server_default=""),  # the ended task whose branch this goes on with
    Column("onto", String(200), nullable=False, server_default=""),
    Column("base", String(200), nullable=False, server_default=""),
    Column("about", JSON),  # what the event that asked for it told
    Column("listens", String(300), nullable=False, server_default=""),  # the event that it waits for while queued
    UniqueConstraint("active_key"),
    Index("ix_tasks_status", "status", "lease_until"),
    Index("ix_tasks_repository", "repository", "created_at"),
)

stages = Table(
    "stages",
    metadata,
    Column("task_id", String(12), primary_key=True),
    Column("name", String(40), primary_key=True),
    Column("product", JSON, nullable=False),
    Column("at", Float, nullable=False),
)

steps = Table(
    "steps",
    metadata,
    Column("task_id", String(12), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("reply", JSON, nullable=False),
    Column("results", JSON),
    Column("usage", JSON, nullable=False),
    Column("cost", Float, nullable=False),
    Column("model", String(100), nullable=False),
    Column("seconds", Float, nullable=False),
    Column("at", Float, nullable=False),
    Index("ix_steps_at", "at"),
)

charges = Table(
    "charges",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("task_id", String(12), nullable=False),
    Column("what", String(20), nullable=False),  # model calls outside the agent's steps, such as the review
    Column("usage", JSON, nullable=False),
    Column("cost", Float, nullable=False),
    Column("model", String(100), nullable=False),
    Column("at", Float, nullable=False),
    Index("ix_charges_task_id", "task_id"),
)

messages = Table(
    "messages",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("task_id", String(12), nullable=False),
    Column("key", String(120), nullable=False),  # where it was said, so that a redelivery says it once
    Column("actor", JSON, nullable=False),
    Column("text", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("delivered_at", Float),
    UniqueConstraint("key"),
    Index("ix_messages_task_id", "task_id"),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("task_id", String(12), primary_key=True),
    Column("bundle", LargeBinary, nullable=False),
    Column("at", Float, nullable=False),
)

places = Table(
    "places",
    metadata,
    Column("task_id", String(12), primary_key=True),
    Column("surface", String(80), primary_key=True),
    Column("external_id", String(100), nullable=False),
    Column("url", Text, nullable=False),
    Column("shown", String(64), nullable=False),  # hash of what stands there now
    Column("address", JSON),  # of a place in a chat: how its surface finds it again
    Column("moment", String(100), nullable=False, server_default=""),  # the last one that people were told of there
    Column("settled", Boolean, nullable=False, server_default=false()),  # nothing more will be shown there
    Column("not_before", Float, nullable=False, server_default="0"),
    Index("ix_places_surface", "surface", "external_id"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("what", String(60), nullable=False),
    Column("subject", String(300), nullable=False),
    Column("allowed", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("task_id", String(12), nullable=False),
    Column("place", String(200), nullable=False, server_default=""),  # where it was said: slack:C024BE91L
    Index("ix_decisions_subject", "subject"),
    Index("ix_decisions_task_id", "task_id"),
)

effects = Table(
    "effects",
    metadata,
    Column("key", String(300), primary_key=True),
    Column("value", Text, nullable=False),
    Column("at", Float, nullable=False),
)

notices = Table(
    "notices",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String(200), nullable=False),  # so that a second attempt at the same says it once
    Column("surface", String(20), nullable=False),
    Column("address", JSON, nullable=False),
    Column("body", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("not_before", Float, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("sent_at", Float),
    Column("error", Text, nullable=False),
    UniqueConstraint("key"),
    Index("ix_notices_surface", "surface", "sent_at", "not_before"),
)

identities = Table(
    "identities",
    metadata,
    Column("platform", String(20), primary_key=True),
    Column("user_id", String(100), primary_key=True),
    Column("login", String(100), nullable=False),
    Column("github_id", String(40), nullable=False),
    Column("how", String(20), nullable=False),  # device, code
    Column("linked_at", Float, nullable=False),
)

links = Table(
    "links",
    metadata,
    Column("code", String(40), primary_key=True),
    Column("platform", String(20), nullable=False),
    Column("user_id", String(100), nullable=False),
    Column("address", JSON, nullable=False),  # where to say that it worked
    Column("device_code", String(200), nullable=False),  # of GitHub's device flow; empty without it
    Column("interval", Float, nullable=False),
    Column("not_before", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("digest", String(64), primary_key=True),  # SHA-256: the token itself is shown once and kept nowhere
    Column("name", String(100), nullable=False),
    Column("login", String(100), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("used_at", Float),
    UniqueConstraint("name"),
)

audit = Table(
    "audit",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),  # 1, 2, 3 … without gaps
    Column("at", Float, nullable=False),
    Column("what", String(100), nullable=False),
    Column("repository", String(200), nullable=False),
    Column("subject", String(400), nullable=False),
    Column("task_id", String(12), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("allowed", Boolean, nullable=False),
    Column("model", String(200), nullable=False),
    Column("image", String(300), nullable=False),
    Column("cost", Float, nullable=False),
    Column("person", String(16), nullable=False),  # whose key opens what is private; empty where nobody is named
    Column("private", Text, nullable=False),  # actor, reason and details as JSON, sealed where there is a person
    Column("key", String(8), nullable=False),  # the mark of the installation's key
    Column("mac", String(64), nullable=False),  # over all of the row and the MAC of the row before it
    Index("ix_audit_at", "at"),
    Index("ix_audit_repository", "repository", "number"),
    Index("ix_audit_person", "person", "number"),
)

audit_keys = Table(
    "audit_keys",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("person", String(200), nullable=False),  # github:ada, or slack:U024BE7LH of somebody who has not linked
    Column("account", String(80), nullable=False),  # github:583231, which outlives a login; empty where unknown
    Column("key", LargeBinary, nullable=False),
    Column("created_at", Float, nullable=False),
    UniqueConstraint("person"),
    Index("ix_audit_keys_account", "account"),
)
