"""What GitHub's git server said, in words for people: not there, not allowed, moved, not reachable."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jobs.types import GitHubUnavailable, UserError

if TYPE_CHECKING:
    from jobs.workspace.git import GitFailed

RETRY_SECONDS = 5.0

_MISSING = re.compile(r"repository .*not found|error: 404|not appear to be a git repository", re.IGNORECASE)
_GONE = re.compile(r"not our ref|couldn't find remote ref|no such remote ref", re.IGNORECASE)
_STALE = re.compile(
    r"error: 401|authentication failed|could not read username|terminal prompts disabled"
    r"|invalid username or (?:password|token)",
    re.IGNORECASE,
)
"""How a token that ended or was revoked is refused, whatever it was for."""
_REFUSED = re.compile(
    r"error: 403|permission to .* denied|write access .* not granted|access denied|organization has enabled",
    re.IGNORECASE,
)
_MOVED = re.compile(r"error: 30[1278]|base from redirection|redirect", re.IGNORECASE)
_UNTRUSTED = re.compile(
    r"certificate verif|certificate problem|unable to get local issuer|self.signed cert|certificate.*(?:expired|match)"
    r"|error setting certificate|CAfile",
    re.IGNORECASE,
)
_UNREACHABLE = re.compile(
    r"could not resolve|couldn't connect|failed to connect|connection (?:refused|reset|timed out)|timed out"
    r"|operation too slow|empty reply|early eof|hung up|rpc failed|unexpected disconnect|error: (?:5\d\d|429|408)"
    r"|transfer closed|gnutls|openssl|tls connection|ssl_|network is unreachable|no route to host|recv failure"
    r"|send failure|proxy connect|expected flush|bad line length|internal server error|service unavailable",
    re.IGNORECASE,
)
_BUSY = re.compile(r"\.lock': File exists|cannot lock ref|another git process", re.IGNORECASE)


_NO_ACCESS = (
    "GitHub refused {doing} {repository}: the App has no access to its contents. "
    "Check that the App is installed on it, not suspended, and may read and write contents."
)
_WORDS = (
    (
        _UNTRUSTED,
        (
            "The certificate of GitHub's server is not trusted ({line}). "
            "Set SSL_CERT_FILE to the file with your authority's certificates."
        ),
    ),
    (_MOVED, "{repository} was renamed or moved. Ask again there, under its new name."),
    (_REFUSED, _NO_ACCESS),
    (_GONE, "{repository} no longer has the commit that was asked for; its branch was rewritten. Ask again."),
    (
        _MISSING,
        (
            "{repository} was not found, or the App may not see it. "
            "Check its name, and that the App is installed on this repository."
        ),
    ),
)


class TokenRefused(UserError):
    """GitHub takes the token no more, or never did; nothing was done, so another one may be tried."""


def explain(failure: GitFailed, repository: str, *, doing: str) -> UserError | GitHubUnavailable | None:
    """Return the error that a person or the queue should see, or None when git failed for a reason of ours."""
    said, line = failure.error, last_line(failure)
    if failure.timed_out or (_UNREACHABLE.search(said) and not _UNTRUSTED.search(said)):
        return GitHubUnavailable(f"GitHub did not answer while {doing} {repository}: {line}", RETRY_SECONDS)
    if _BUSY.search(said):
        return GitHubUnavailable(f"Another process is at work on the copy of {repository}.", RETRY_SECONDS)
    if _STALE.search(said) and not _UNTRUSTED.search(said):
        return TokenRefused(_NO_ACCESS.format(doing=doing, repository=repository))
    for symptom, words in _WORDS:
        if symptom.search(said):
            return UserError(words.format(line=line, doing=doing, repository=repository))
    return None


def last_line(failure: GitFailed) -> str:
    """Return the one line of git's words that says most."""
    if failure.timed_out:
        return "no end within the time allowed"
    lines = [line.strip() for line in failure.error.splitlines() if line.strip()]
    fatal = [line for line in lines if line.startswith(("fatal:", "error:", "remote:"))]
    return (fatal or lines or [f"git ended with {failure.exit_code}"])[-1][:300]
