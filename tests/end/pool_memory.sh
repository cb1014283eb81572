#!/usr/bin/env bash
# Memory does not grow with the length of a record: an hour and a half of 12 leads (where the reader's buffer of 64 MiB is
# full) against four hours, whose samples alone would take 65 MB more.
pack=$1
. "$(dirname "$0")/pack_steps.sh"
cd "$scratch" || exit 1
peak() { # FOLDER: most resident memory of a build, in kB
    /usr/bin/python3 - "$pack" "$1" <<'PYTHON'
import resource, subprocess, sys
subprocess.run([sys.argv[1], "build", "-q", "-o", sys.argv[2] + ".corpus", sys.argv[2]], check=True, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
PYTHON
}
expect 0 "" "$pack" synth -q -n 1 --seconds 5400 --rate 300 --wfdb hour
expect 0 "" "$pack" synth -q -n 1 --seconds 14400 --rate 300 --wfdb hours
one=$(peak hour) four=$(peak hours)
echo "peak: $one kB for 1.5 h, $four kB for 4 h"
[ "$((four - one))" -lt 15000 ] || fail "4 h take $four kB, 1.5 h $one kB"
expect 0 "all checksums hold" "$pack" verify hours.corpus
finish
