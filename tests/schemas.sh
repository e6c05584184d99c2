#!/usr/bin/env bash
# Fetches GitHub's own descriptions and example payloads with npm, and keeps the JSON files that the tests read.
# Usage: tests/schemas.sh [folder]   (.cache/schemas of the checkout by default; quick when all is there)
set -euo pipefail

cd "$(dirname "$0")/.."
folder="${1:-.cache/schemas}"

# file to keep | npm package | version | path inside the package
wanted=(
  "github-api.json|@octokit/openapi|23.0.2|package/generated/api.github.com.json"
  "github-webhooks.json|@octokit/openapi-webhooks|12.1.0|package/generated/api.github.com.json"
  "github-graphql.graphql|@octokit/graphql-schema|15.26.1|package/schema.graphql"
  "github-examples.json|@octokit/webhooks-examples|7.6.1|package/api.github.com/index.json"
)

present=yes
for line in "${wanted[@]}"; do
  IFS='|' read -r file _ version _ <<<"$line"
  [ "$(cat "$folder/$file.version" 2>/dev/null || true)" = "$version" ] && [ -s "$folder/$file" ] || present=no
done
[ "$present" = yes ] && exit 0

if ! command -v npm >/dev/null; then
  echo "tests/schemas.sh: npm is missing; install it (apt-get install npm) and run this again." >&2
  exit 1
fi

mkdir -p "$folder"
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
for line in "${wanted[@]}"; do
  IFS='|' read -r file package version path <<<"$line"
  if [ "$(cat "$folder/$file.version" 2>/dev/null || true)" = "$version" ] && [ -s "$folder/$file" ]; then
    continue
  fi
  archive="$(npm pack --silent --loglevel=error --pack-destination "$scratch" "$package@$version" 2>"$scratch/npm.log")" ||
    { cat "$scratch/npm.log" >&2; exit 1; }
  tar -xzf "$scratch/$(basename "$archive")" -C "$scratch" "$path"
  # Moved into place as a whole, so that a second run at the same time never reads half a file.
  mv "$scratch/$path" "$folder/$file.$$"
  mv "$folder/$file.$$" "$folder/$file"
  printf '%s\n' "$version" >"$folder/$file.version"
  echo "tests/schemas.sh: $package $version -> $folder/$file"
done
