# A PostgreSQL server for the tests: one that runs, or one of their own. Sourced by bin/test.
# Sets `postgres` (the server's URL) and `postgres_is` (where it comes from, in words).

postgres=
postgres_is=
postgres_folder=

# Find a server or start one. Fails, with the reason in `postgres_is`, where neither is possible.
get_postgres() {
    if [ "${TEST_POSTGRES_URL:-}" = own ]; then
        start_postgres
        return
    fi
    postgres=$(find_postgres) || exit 1
    postgres_is=${postgres:+$(without_password "$postgres")}
    [ -n "$postgres" ] || start_postgres
}

# Prints the URL of a server that answers and lets us make databases; nothing where there is none.
find_postgres() {
    "$python" - "${TEST_POSTGRES_URL:-}" <<'END'
import getpass, os, sys, psycopg
user = getpass.getuser()
named = sys.argv[1]
port = os.environ.get("PGPORT", "5432")
urls = [named] if named else [
    f"postgres://{user}@127.0.0.1:{port}/{name}" for name in ("postgres", user, "test")
]
MAY = "SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user"
for url in urls:
    try:
        with psycopg.connect(url, connect_timeout=3) as connection:
            (may_create,) = connection.execute(MAY).fetchone()
    except psycopg.Error as problem:
        if named:
            sys.exit(f"bin/test: TEST_POSTGRES_URL does not answer: {problem}")
    else:
        if may_create:
            print(url)
            break
        if named:
            sys.exit("bin/test: the role of TEST_POSTGRES_URL may not create databases.")
END
}

without_password() {
    sed -E 's#(//[^:/@]*):[^@/]*@#\1@#' <<<"$1"
}

# Start a server in a folder that is removed again, by stop_postgres, with everything in it.
start_postgres() {
    local programs
    if ! programs=$(find_programs); then
        if ! can_apt; then
            postgres_is="no server answers, and no PostgreSQL is installed (TEST_POSTGRES_URL names one)"
            return 1
        fi
        echo "Installing PostgreSQL ..."
        install_postgres
        if ! programs=$(find_programs); then
            postgres_is="no server answers, and PostgreSQL could not be installed (TEST_POSTGRES_URL names one)"
            return 1
        fi
    fi
    local place=${TMPDIR:-/tmp}
    [ "$(id -u)" != 0 ] || place=/tmp # root's own may be closed to everybody else
    postgres_folder=$(mktemp -d "$place/portal-postgres-XXXXXX")
    if make_cluster "$programs" >"$postgres_folder/log" 2>&1; then
        postgres_is="$("$programs/postgres" --version | awk '{ print $3 }'), of this run's own"
        return
    fi
    postgres_is="PostgreSQL could not be started: $(tail -n 3 "$postgres_folder"/log | tr '\n' ' ')"
    postgres=
    return 1
}

# Prints the folder of an installed PostgreSQL's programs: Debian's newest, PATH's, or a Mac's.
find_programs() {
    local folder
    for folder in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV) \
        "$(dirname "$(command -v initdb || echo /none/initdb)")" \
        /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin \
        /Applications/Postgres.app/Contents/Versions/latest/bin; do
        if [ -x "$folder/initdb" ] && [ -x "$folder/pg_ctl" ] && [ -x "$folder/postgres" ]; then
            echo "$folder"
            return
        fi
    done
    return 1
}

# Debian's package, without the server that it would make and start for the whole machine.
install_postgres() {
    local no_server=/etc/postgresql-common/createcluster.d/portal-tests.conf
    mkdir -p "${no_server%/*}"
    echo "create_main_cluster = false" >"$no_server"
    apt_install postgresql || true
    rm -f "$no_server"
}

# Runs a command as somebody who is not root: PostgreSQL refuses to be root.
not_as_root() {
    if [ "$(id -u)" != 0 ]; then
        "$@"
        return
    fi
    "$python" - "$@" <<'END'
import os, pwd, shutil, sys
program = shutil.which(sys.argv[1])  # now: the other user may be unable to read this Python
for name in ("postgres", "_postgres", "nobody"):
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        continue
    os.chdir("/")
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    os.execv(program, sys.argv[1:])
sys.exit("there is no user but root to run it as")
END
}

# Make an empty cluster in postgres_folder and start it on a free port of this machine.
make_cluster() {
    local programs=$1 data=$postgres_folder/data password port locale try
    password=$("$python" -c 'import secrets; print(secrets.token_hex(16))') || return
    echo "$password" >"$postgres_folder/password"
    if [ "$(id -u)" = 0 ]; then
        chown "$(not_as_root id -u)" "$postgres_folder" "$postgres_folder/password" || return
    fi
    chmod 700 "$postgres_folder" && chmod 600 "$postgres_folder/password" || return
    for locale in --locale=C.UTF-8 --locale=en_US.UTF-8 --no-locale; do
        not_as_root rm -rf "$data"
        not_as_root "$programs/initdb" --pgdata="$data" --username=tests --encoding=UTF8 "$locale" \
            --auth=scram-sha-256 --pwfile="$postgres_folder/password" --no-sync && break
    done
    for try in 1 2 3; do # somebody may take the port in between
        port=$("$python" -c '
import socket
with socket.socket() as one:
    one.bind(("127.0.0.1", 0))
    print(one.getsockname()[1])') || return
        # Tests need nothing to survive a power failure; a killed server loses nothing even so.
        # Who measures sets postgres_syncs=on and postgres_connections.
        if not_as_root "$programs/pg_ctl" start --silent --wait --timeout=60 --pgdata="$data" \
            --log="$data/server.log" --options="-c listen_addresses=127.0.0.1 -c port=$port \
            -c unix_socket_directories= -c max_connections=${postgres_connections:-300} \
            -c fsync=${postgres_syncs:-off} -c full_page_writes=${postgres_syncs:-off}" </dev/null; then
            postgres="postgres://tests:$password@127.0.0.1:$port/postgres"
            return
        fi
    done
    tail -n 3 "$data/server.log"
    return 1
}

stop_postgres() {
    [ -n "$postgres_folder" ] || return 0
    local programs
    if programs=$(find_programs); then
        not_as_root "$programs/pg_ctl" stop --silent --mode=immediate \
            --pgdata="$postgres_folder/data" >/dev/null 2>&1 || true
    fi
    rm -rf "$postgres_folder"
    postgres_folder=
}
