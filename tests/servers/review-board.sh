#!/bin/sh
# A real Review Board on this machine, for tests/servers/review_board.rs.
#
#   review-board.sh DIR PID    installs it into DIR (once), serves an empty site, prints KEY=VALUE lines, and returns;
#                              the site ends, and goes, when the process PID is gone
#
# Server and client (`rbt`) come from PyPI: about 420 MB and two minutes the first time, a few seconds after it. The
# package brings an add-on that is not free; nothing of it is used here.
set -eu
mkdir -p "$1"
dir=$(cd "$1" && pwd) watched=$2
python=${PYTHON:-python3}

install() { # NAME PACKAGE...: each in an environment of its own
  name=$1
  shift
  [ -e "$dir/$name/whole" ] && return
  rm -rf "${dir:?}/$name"
  "$python" -m venv "$dir/$name"
  "$dir/$name/bin/pip" install -q --disable-pip-version-check --retries 2 --timeout 20 "$@" >&2 || {
    rm -rf "${dir:?}/$name"
    echo "$* cannot be installed" >&2
    exit 1
  }
  : > "$dir/$name/whole"
}
install server 'ReviewBoard==8.1' 'gunicorn==23.0.0'
install client 'RBTools==7.0'

# An empty site, made once: a database and a cache in files need no other server.
if [ ! -d "$dir/empty" ]; then
  rm -rf "$dir/site"
  "$dir/server/bin/rb-site" install "$dir/site" --noinput --advanced --domain-name=127.0.0.1 --site-root=/ \
    --static-url=static/ --media-url=media/ --db-type=sqlite3 --db-name="$dir/site/data/reviewboard.db" \
    --cache-type=file --cache-info="$dir/site/data/cache" --web-server-type=apache --admin-user=admin \
    --admin-password=admin-password --admin-email=admin@example.com --opt-out-support-data --company=undersign \
    > "$dir/site.log" 2>&1 || { tail -n 5 "$dir/site.log" >&2; exit 1; }
  mv "$dir/site" "$dir/empty"
fi
# Those of tests that are over, whatever ended them.
for old in "$dir"/run.*; do
  kill -0 "${old##*.}" 2> /dev/null || rm -rf "$old"
done
site=$dir/run.$watched
rm -rf "$site"
cp -R "$dir/empty" "$site"
# Where its database, cache, media and log are, it knows from two places.
"$python" - "$site" "$dir/site" << 'END'
import pathlib, sqlite3, sys
site, before = sys.argv[1:]
settings = pathlib.Path(site, "conf/settings_local.py")
# Passwords of tests are worth no thousands of hashes at each request, and its database no wait for the disk.
settings.write_text(settings.read_text().replace(before, site) + """
PASSWORD_HASHERS = [f"django.contrib.auth.hashers.{kind}PasswordHasher" for kind in ("MD5", "PBKDF2")]

from django.db.backends.signals import connection_created

def waits_for_no_disk(connection, **_):
    connection.cursor().execute("PRAGMA synchronous = OFF")

connection_created.connect(waits_for_no_disk)
""")
database = sqlite3.connect(site + "/data/reviewboard.db")
database.execute("UPDATE siteconfig_siteconfiguration SET settings = replace(settings, ?, ?)", (before, site))
database.commit()
END

port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
# One request at a time: SQLite refuses writers beside each other. Without VIRTUAL_ENV it looks for a file that only the
# program virtualenv makes.
VIRTUAL_ENV=$dir/server REVIEWBOARD_SITEDIR=$site HOME=$site "$dir/server/bin/gunicorn" --bind "127.0.0.1:$port" \
  --workers 1 --pid "$site/pid" --chdir "$site" reviewboard.wsgi:application \
  > "$site/log" 2>&1 < /dev/null &
served=$!
(
  while kill -0 "$watched" 2> /dev/null && kill -0 "$served" 2> /dev/null; do sleep 1; done
  kill "$served" 2> /dev/null || true
  sleep 2
  rm -rf "$site"
) > /dev/null 2>&1 < /dev/null &

ask='import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=5).read()'
tries=0
until "$python" -c "$ask" "http://127.0.0.1:$port/api/info/" 2> /dev/null; do
  tries=$((tries + 1))
  if [ "$tries" -gt 120 ] || ! kill -0 "$served" 2> /dev/null; then
    echo 'it does not answer:' >&2
    tail -n 5 "$site/log" >&2
    exit 1
  fi
  sleep 0.5
done
echo "url=http://127.0.0.1:$port"
echo "rbt=$dir/client/bin/rbt"
