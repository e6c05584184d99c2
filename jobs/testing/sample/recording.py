"""A good run on the sample, recorded: what a model says and calls, step by step, and what its reviewer answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.testing.models.script import Script, by_tool, call, say, think

if TYPE_CHECKING:
    from jobs.testing.models.script import Answerer, Reply

EDITOR = "str_replace_based_edit_tool"
CHECK = "python3 -m unittest discover --start-directory tests --top-level-directory ."

STEPS = (
    "Reproduce what the issue shows",
    "Find where a span after midnight is looked up",
    "Write tests that fail without the fix",
    "Look at yesterday's spans as well as today's",
    "Run all tests",
)

REPRODUCE = """python3 - <<'EOF'
from datetime import datetime
from openhours import Week

bar = Week.parse("Fr,Sa 20:00-02:00")
for day, name in ((6, "Friday"), (7, "Saturday"), (8, "Sunday")):
    print(name, "01:00", "open" if bar.is_open(datetime(2026, 3, day, 1)) else "closed")
EOF"""

OLD_TEST = """    def test_the_night_between_two_evenings(self) -> None:
        self.assertTrue(self.bar.is_open(march(SATURDAY, 1)))
"""
NEW_TEST = """    def test_the_night_between_two_evenings(self) -> None:
        self.assertTrue(self.bar.is_open(march(SATURDAY, 1)))

    def test_the_night_after_the_last_evening_is_open(self) -> None:
        self.assertTrue(self.bar.is_open(march(SUNDAY, 1)))
        self.assertFalse(self.bar.is_open(march(SUNDAY, 2)))

    def test_the_morning_before_the_first_evening_is_closed(self) -> None:
        self.assertFalse(self.bar.is_open(march(FRIDAY, 1)))

    def test_a_night_may_go_from_sunday_to_monday(self) -> None:
        bakery = Week.parse("Su 22:00-04:00")
        self.assertTrue(bakery.is_open(march(MONDAY, 3, 59)))
        self.assertFalse(bakery.is_open(march(MONDAY, 4)))
        self.assertFalse(bakery.is_open(march(SUNDAY, 1)))

    def test_next_change_after_midnight(self) -> None:
        self.assertEqual(self.bar.next_change(march(SATURDAY, 23)), march(SUNDAY, 2))
        self.assertEqual(self.bar.next_change(march(FRIDAY, 1)), march(FRIDAY, 20))
"""
OLD_DAYS = "MONDAY, FRIDAY, SATURDAY = 2, 6, 7\n"
NEW_DAYS = "MONDAY, FRIDAY, SATURDAY, SUNDAY = 2, 6, 7, 8\n"

OLD_CONTAINS = '''    def contains(self, minute: int) -> bool:
        """Tell whether the minute of a day is within the span."""
        if self.overnight:
            return minute >= self.start or minute < self.end
        return self.start <= minute < self.end
'''
NEW_CONTAINS = '''    def contains(self, minute: int) -> bool:
        """Tell whether a minute, counted from the midnight before the span, is within it."""
        return self.start <= minute < self.start + self.minutes
'''

OLD_IS_OPEN = """        minute = at.hour * 60 + at.minute
        return any(span.contains(minute) for span in self.days[at.weekday()])
"""
NEW_IS_OPEN = """        minute = at.hour * 60 + at.minute
        today, yesterday = self.days[at.weekday()], self.days[(at.weekday() - 1) % 7]
        return any(span.contains(minute) for span in today) or any(
            span.contains(minute + DAY) for span in yesterday
        )
"""
OLD_IMPORT = "from openhours.spans import Span\n"
NEW_IMPORT = "from openhours.spans import DAY, Span\n"

TITLE = "Count the hours after midnight to the evening that they belong to"
SUMMARY = """\
A span such as `Fr 20:00-02:00` was looked up on the weekday of the moment alone. \
So its part after midnight counted as early Friday (before the evening began), and was missing on Saturday.

- `Span.contains` counts minutes from the midnight before the span, so two o'clock at night is minute 1560.
- `Week.is_open` asks today's spans, and yesterday's for what goes on after midnight; Sunday goes on into Monday.
- `next_change` is right again without a change of its own, since it asks `is_open`.

Four new tests fail without the fix. `Span.contains` now takes minutes beyond 1440. \
Nothing else in the package calls it, but a caller outside who asked it about minutes after midnight would notice."""
REMARKS = """\
The change is small and in the right place. \
The tests cover the night after the last evening, the morning before the first, the turn of the week, `next_change`; \
each fails without the fix. Spans that do not cross midnight are as before."""


def recording() -> Answerer:
    """Return the script of the run; a review is known by its tool."""
    return by_tool({"report_review": Script([review()])}, otherwise=Script(replies()))


def review() -> Reply:
    """Return what the reviewer answers."""
    return call("report_review", verdict="approve", remarks=REMARKS)


def replies() -> list[Reply]:
    """Return the model's replies, in their order."""
    return [
        think("The issue is concrete. I reproduce it before I read any code.")
        + say("I start by reproducing what the issue shows.")
        + plan(0)
        + call("bash", command="git log --oneline | head -5; ls -R --ignore=__pycache__ | head -30"),
        call("bash", command=REPRODUCE),
        say("Friday 01:00 is open and Sunday 01:00 is closed, as reported. Now where a moment is looked up.")
        + plan(1)
        + call(EDITOR, command="view", path="/workspace/openhours/week.py")
        + call(EDITOR, command="view", path="/workspace/openhours/spans.py"),
        think(
            "is_open takes the spans of the moment's own weekday, and Span.contains wraps around midnight within that "
            "same day. So an overnight span covers the early morning of its own day instead of the next one."
        )
        + say(
            "`Span.contains` wraps around midnight within the span's own day, and `Week.is_open` asks only that day. "
            "Tests first."
        )
        + plan(2)
        + call(EDITOR, command="str_replace", path="/workspace/tests/test_week.py", old_str=OLD_DAYS, new_str=NEW_DAYS)
        + call(EDITOR, command="str_replace", path="/workspace/tests/test_week.py", old_str=OLD_TEST, new_str=NEW_TEST),
        call("bash", command=CHECK),
        say("The new tests fail for the right reason. Now the fix.")
        + plan(3)
        + edit("spans.py", OLD_CONTAINS, NEW_CONTAINS)
        + edit("week.py", OLD_IS_OPEN, NEW_IS_OPEN)
        + edit("week.py", OLD_IMPORT, NEW_IMPORT),
        plan(4)
        + call("bash", command=CHECK)
        + call("bash", command=REPRODUCE)
        + call("bash", command="git diff --stat"),
        say("All tests pass, and the issue's example prints what it should.")
        + plan(len(STEPS))
        + call("finish", title=TITLE, summary=SUMMARY),
    ]


def edit(file: str, old: str, new: str) -> Reply:
    """Replace text in a module of the sample."""
    return call(EDITOR, command="str_replace", path=f"/workspace/openhours/{file}", old_str=old, new_str=new)


def plan(at: int) -> Reply:
    """Say that the plan's item number ``at`` is being worked on, and those before it are done."""
    states = ["done" if number < at else "in_progress" if number == at else "pending" for number in range(len(STEPS))]
    items: list[dict[str, Any]] = [{"text": text, "state": state} for text, state in zip(STEPS, states, strict=True)]
    return call("update_plan", items=items)
