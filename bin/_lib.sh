# Shared by the commands in bin/: where the project is, which Python runs it. Sourced, not run.

cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Say in one sentence why the command cannot go on, and end it.
stop() {
    echo "bin/${0##*/}: $*" >&2
    exit 1
}

# The Python of .venv; in a container image, where there is no .venv, the one on PATH.
project_python() {
    if [ -x .venv/bin/python ]; then
        echo .venv/bin/python
    else
        command -v python || command -v python3 || stop "there is no .venv yet: run bin/setup first."
    fi
}

# Whether this shell may install packages of the system (Debian, as root).
can_apt() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null
}

# Install packages of the system; the lists are fetched once if a package is not known yet.
apt_install() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y -qq "$@" >/dev/null 2>&1 ||
        { apt-get update -qq >/dev/null 2>&1 && apt-get install -y -qq "$@" >/dev/null 2>&1; }
}
