#!/bin/sh
# Install the Debian packages that the tests and the message catalogues need, only what is missing,
# and only when we may. What stays missing is said by the step that needs it.
set -eu
missing=""
need() { # command-or-files package; one of the files is enough
    if ! command -v "$1" >/dev/null 2>&1 && [ -z "$(ls $1 2>/dev/null)" ]; then missing="$missing $2"; fi
}
need '/usr/lib/postgresql/*/bin/initdb' postgresql
need chromium chromium
need msgfmt gettext
need '/usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so' softhsm2
[ -z "$missing" ] && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "Not installed, and not ours to install:$missing. Ask an administrator for these Debian packages." >&2
    exit 0
fi
echo "Installing Debian packages:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# The cluster that the package would start is not ours; the tests make a private one.
mkdir -p /etc/postgresql-common
[ -e /etc/postgresql-common/createcluster.conf ] || echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.conf
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $missing fonts-dejavu-core >/dev/null
