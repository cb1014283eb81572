#!/usr/bin/env bash
# Vectors of AVX and wider occur in the kernels' variants only: elsewhere they would be an illegal instruction on a processor
# without them. Arguments: programs.
command -v objdump >/dev/null || { echo "SKIP: no objdump (Debian: binutils)"; exit 77; }
failures=0
for program in "$@"; do
    strays=$(objdump -d --no-show-raw-insn "$program" | awk '
        /^[0-9a-f]+ <.*>:$/ { name = $2 }
        /%[yz]mm|\tv[a-z0-9]+ .*%xmm|\tk(mov|or|and)[bwdq] / {
            if (name ~ /arch_x86_64_v[34]|\.avx(2|512f)|<avx(2|512)_|<avx512_half_/) variants++
            else strays[name]++
        }
        END { for (s in strays) print s, strays[s]; print "variants", variants + 0 }')
    echo "$program: $(echo "$strays" | grep '^variants')"
    if echo "$strays" | grep -v '^variants' >/dev/null; then
        echo "FAILED: $program uses AVX outside the variants: $(echo "$strays" | grep -v '^variants' | head -n 5)" >&2
        failures=1
    fi
done
# One that finds nothing at all looks for the wrong thing.
echo "$strays" | grep -q '^variants [1-9]' || { echo "FAILED: no variants were found in $program" >&2; failures=1; }
exit $failures
