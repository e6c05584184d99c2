# shellcheck shell=bash
# Installs Debian packages where that is allowed, and names the command where it is not. Sourced, not run.

say() { printf '%s\n' "$*"; }

# What runs a command as root: nothing for root, sudo where it asks no question. Fails where there is neither.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        sudo -n "$@"
    else
        return 77
    fi
}

may_be_root() { as_root true 2>/dev/null; }

apt_command() { printf 'apt-get install --no-install-recommends %s' "$*"; }

# install PACKAGE…: each of them that this release knows; fails, in words, where one could not be installed.
install_packages() {
    if ! command -v apt-get >/dev/null; then
        say "This is no Debian or Ubuntu. Please install with your package manager what these contain: $*"
        return 1
    fi
    if ! may_be_root; then
        say "Not allowed to install packages here. Please run: sudo $(apt_command "$@")"
        return 1
    fi
    local log known=() unknown=() wanted=() package
    mapfile -t wanted < <(printf '%s\n' "$@" | sort -u)
    set -- "${wanted[@]}"
    log=$(mktemp)
    if [ -z "${packages_updated:-}" ]; then
        say "Reading the lists of packages."
        as_root apt-get update -q >"$log" 2>&1 </dev/null || tail -n 5 "$log"
        packages_updated=yes
    fi
    for package in "$@"; do
        if apt-cache show "$package" >/dev/null 2>&1; then known+=("$package"); else unknown+=("$package"); fi
    done
    if [ "${#known[@]}" -gt 0 ]; then
        say "Installing ${known[*]}."
        if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
            -o Dpkg::Options::=--force-confold "${known[@]}" >"$log" 2>&1 </dev/null; then
            tail -n 15 "$log"
            say "That did not work. Please look into it and run: sudo $(apt_command "${known[@]}")"
            rm -f "$log"
            return 1
        fi
    fi
    rm -f "$log"
    if [ "${#unknown[@]}" -gt 0 ]; then
        say "This release has no package ${unknown[*]}."
        return 1
    fi
}
