#!/bin/sh
# Start, stop or forget the demonstration; everything it writes lies in var/demo.
set -eu
cd "$(dirname "$0")/.."
folder=var/demo
port=${PORT:-8000}
stop() {
    [ -f "$folder/pid" ] || return 0
    pid=$(cat "$folder/pid")
    if kill -0 "$pid" 2>/dev/null; then
        kill -TERM "$pid"
        i=0
        while kill -0 "$pid" 2>/dev/null && [ "$i" -lt 100 ]; do i=$((i + 1)); sleep 0.1; done
    fi
    rm -f "$folder/pid"
}
case "$1" in
    start)
        mkdir -p "$folder"
        if [ -z "${DEMO_DETACH:-}" ]; then exec .venv/bin/gridtill demo --port "$port" --folder "$folder"; fi
        stop
        .venv/bin/gridtill demo --port "$port" --folder "$folder" >"$folder/server.log" 2>&1 </dev/null &
        echo $! >"$folder/pid"
        i=0
        # Only once it says so itself: somebody else may answer at this port.
        until grep -q '^Serving' "$folder/server.log" && .venv/bin/python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:$port/healthz', timeout=2)" 2>/dev/null; do
            i=$((i + 1))
            if [ "$i" -gt 180 ] || ! kill -0 "$(cat "$folder/pid")" 2>/dev/null; then
                echo "The demonstration did not start; its log ends with:" >&2
                tail -n 20 "$folder/server.log" >&2
                stop
                exit 1
            fi
            sleep 0.5
        done
        sed -n '1,/^Serving/p' "$folder/server.log"
        ;;
    stop) stop ;;
    reset) stop; rm -rf "$folder" ;;
esac
