#!/usr/bin/env bash
# Installs the peers the benchmarks compare with, and says which are missing. Debian packages need root; the npm package goes to
# bench/peers/ (untracked). Services are not started and nothing outside those packages is configured: the bench runs every peer
# itself, on loopback, with its own files in a temporary folder. Exit status 0 always: a missing peer is a row of the report.
#   bench/peers.sh            install what is missing, then report
#   bench/peers.sh --check    report only
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export PATH="$PATH:/usr/sbin:/sbin"
debian=(openssh-server openssh-client syncthing-relaysrv haproxy stunnel4 wrk openssl iproute2)
program_of() {
    case $1 in
        openssh-server) echo sshd ;; openssh-client) echo ssh ;; syncthing-relaysrv) echo strelaysrv ;;
        stunnel4) echo stunnel4 ;; iproute2) echo ip ;; *) echo "$1" ;;
    esac
}

missing=()
for package in "${debian[@]}"; do
    command -v "$(program_of "$package")" >/dev/null || missing+=("$package")
done

if [[ ${1:-} != --check && ${#missing[@]} -gt 0 ]]; then
    if [[ $(id -u) -ne 0 ]]; then
        echo "peers.sh: not root, cannot install: ${missing[*]}" >&2
    elif ! command -v apt-get >/dev/null; then
        echo "peers.sh: no apt-get here, cannot install: ${missing[*]}" >&2
    else
        policy=/usr/sbin/policy-rc.d
        if [[ ! -e $policy ]]; then # keeps the packages' services from starting
            printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
            trap 'rm -f "$policy"' EXIT
        fi
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -q >/dev/null || echo "peers.sh: apt-get update failed" >&2
        for package in "${missing[@]}"; do # one by one: a missing package must not keep the others out
            apt-get install -q -y --no-install-recommends "$package" >/dev/null || echo "peers.sh: could not install $package" >&2
        done
    fi
fi

if [[ ${1:-} != --check && ! -d $here/peers/node_modules/@microsoft/dev-tunnels-ssh-tcp ]] && command -v npm >/dev/null; then
    mkdir -p "$here/peers"
    [[ -f $here/peers/package.json ]] || echo '{"private":true}' >"$here/peers/package.json"
    (cd "$here/peers" && npm install --silent --no-audit --no-fund --no-package-lock \
        @microsoft/dev-tunnels-ssh@3.12.42 @microsoft/dev-tunnels-ssh-tcp@3.12.42) || echo "peers.sh: npm install failed" >&2
fi

for package in "${debian[@]}"; do
    if path=$(command -v "$(program_of "$package")"); then
        printf '%-24s %s\n' "$package" "$path"
    else
        printf '%-24s MISSING\n' "$package"
    fi
done
if [[ -d $here/peers/node_modules/@microsoft/dev-tunnels-ssh ]] && command -v node >/dev/null; then
    printf '%-24s %s\n' dev-tunnels-ssh "node $(node --version)"
else
    printf '%-24s MISSING\n' dev-tunnels-ssh
fi
