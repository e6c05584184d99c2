"""GraphQL about review threads, of which REST knows neither the state nor the id.

The types are on https://docs.github.com/graphql/reference/objects#pullrequestreviewthread; ``databaseId`` of a comment
is left aside because new ids do not fit in it.
"""

from __future__ import annotations

_COMMENTS = """
pageInfo { hasNextPage endCursor }
nodes {
  fullDatabaseId body createdAt url authorAssociation
  author { __typename login ... on User { databaseId } ... on Bot { databaseId } }
  pullRequestReview { fullDatabaseId }
}
"""
_THREAD = "id isResolved isOutdated path line startLine originalLine diffSide"

OF_PULL = f"""query($owner: String!, $name: String!, $number: Int!, $after: String) {{
  repository(owner: $owner, name: $name) {{
    pullRequest(number: $number) {{
      reviewThreads(first: 50, after: $after) {{
        pageInfo {{ hasNextPage endCursor }}
        nodes {{ {_THREAD} comments(first: 50) {{ {_COMMENTS} }} }}
      }}
    }}
  }}
}}"""

ONE = f"""query($id: ID!, $after: String) {{
  node(id: $id) {{
    __typename
    ... on PullRequestReviewThread {{ {_THREAD} comments(first: 100, after: $after) {{ {_COMMENTS} }} }}
  }}
}}"""

RESOLVE = "mutation($id: ID!) { resolveReviewThread(input: {threadId: $id}) { thread { id isResolved } } }"
