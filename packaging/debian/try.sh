#!/bin/bash
# Installs a package on this machine, uses it, removes it: for a root that may be thrown away (tools/other-machines), not for a machine in use.
#
#     try.sh PACKAGE.deb
set -euo pipefail
package=$(realpath "$1")
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
fail() { echo "failed: $*" >&2; exit 1; }
# serve AS FOLDER PORT: a server as it is installed answers requests, and stops when it is told to.
serve() {
    local as=$1 folder=$2 port=$3
    setpriv --reuid="$as" --regid="$as" --init-groups env HOME="$(dirname "$folder")" trainwarden serve --data "$folder" --listen "127.0.0.1:$port" >"/tmp/served-by-$as" 2>&1 &
    local server=$!
    for ((i = 0; i < 100; i++)); do
        grep -q "serves account" "/tmp/served-by-$as" && break
        kill -0 "$server" 2>/dev/null || { cat "/tmp/served-by-$as" >&2; fail "no server as $as"; }
        sleep 0.2
    done
    # Its own client: `what-can` asks over the wire, signed, as the root.
    (eval "$(trainwarden env --data "$folder")" && trainwarden who-can s3:ListAllMyBuckets '*' --json | grep -q ':root') || fail "the server of $as does not answer"
    kill -TERM "$server" && wait "$server" || fail "the server of $as ended with $?"
    echo "served as $as"
}

apt-get install -y -qq --no-install-recommends "$package" >/dev/null
trainwarden version
getent passwd trainwarden >/dev/null || fail "there is no user trainwarden"
for file in /usr/share/man/man1/trainwarden.1.gz /usr/share/bash-completion/completions/trainwarden /usr/lib/systemd/system/trainwarden.service; do
    # A container's dpkg may be told to leave manual pages out.
    [[ -e $file ]] || grep -rqs "path-exclude.*man" /etc/dpkg/dpkg.cfg.d || fail "$file is missing"
done
[[ -z $(dpkg --verify trainwarden) ]] || fail "files are not as they were packed: $(dpkg --verify trainwarden)"
if command -v systemd-analyze >/dev/null; then
    systemd-analyze verify /usr/lib/systemd/system/trainwarden.service /usr/lib/systemd/system/trainwarden-unprivileged.service
fi

install -d -m 0700 /var/lib/trainwarden
install -d -m 0700 -o trainwarden -g trainwarden /var/lib/trainwarden-unprivileged
serve root /var/lib/trainwarden/data 4701
serve trainwarden /var/lib/trainwarden-unprivileged/data 4702

echo "TRAINWARDEN_OPTIONS=--listen 127.0.0.1:4700" > /etc/default/trainwarden
apt-get install -y -qq --reinstall --no-install-recommends "$package" >/dev/null
grep -q 4700 /etc/default/trainwarden || fail "an installation overwrote what an administrator wrote"
apt-get remove -y -qq trainwarden >/dev/null
[[ ! -e /usr/bin/trainwarden ]] || fail "the program is still there"
[[ -f /etc/default/trainwarden ]] || fail "a removal took the configuration along"
said=$(apt-get purge -y -qq trainwarden 2>&1)
[[ ! -e /etc/default/trainwarden ]] || fail "a purge left the configuration"
[[ -d /var/lib/trainwarden/data ]] || fail "a purge took the data along"
[[ $said == *"left in place"*"/var/lib/trainwarden"* ]] || fail "a purge does not say that it leaves the data: $said"
echo "installed, used, removed, purged: $(basename "$package")"
