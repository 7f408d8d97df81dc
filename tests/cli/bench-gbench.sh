# SPDX-License-Identifier: MIT
# Google Benchmark's flags work, its JSON holds our samples, and its compare.py reads it.
. "$CLI/lib.sh"
benches
compare=/usr/share/benchmark/compare.py
[ -e $compare ] || { echo "no compare.py: apt-get install libbenchmark-tools"; exit 77; }
/usr/bin/python3 -c "import scipy" 2>/dev/null || { echo "no SciPy for compare.py: apt-get install python3-scipy"; exit 77; }
bench="bench-kernels --quick --quiet --isa scalar --peers none"
$bench --format json --output a.json 2>/dev/null
$bench --benchmark_out=b.json --benchmark_filter=conv.fwd >/dev/null 2>&1
/usr/bin/python3 $compare --no-color benchmarks a.json b.json >report || { cat report; exit 1; }
grep -c "^conv.fwd/n16c4h8k4r3pad1/scalar/plain/threads:1/manual_time  *[+-][0-9.]*  " report | sed "s/^[1-9][0-9]*$/compared/"
$bench --benchmark_filter=nonsense 2>&1 | grep -v "disturbed" | tail -n 1
